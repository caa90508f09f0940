"""The main job's tasks on a command line: what they print where, what they change, what they end with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecr_tasks.definition import BuildDefinition
from ecr_tasks.errors import AwsError, BuildError
from ecr_tasks.registry import Repository
from tests.core.build import ACCOUNT, HOST, REVISION_B, manifest, repository
from tests.core.conftest import Outcome, Project

OLD = manifest("old", REVISION_B)
CHANGES = ("build", "push", "tag", "set_tag", "create", "pull", "login", "logout", "authorize")


def failed(outcome: Outcome, code: int) -> str:
    """The error of a command line that must fail this way: two sentences on stderr, nothing on stdout."""
    assert outcome.code == code
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.stderr
    cause, remedy = outcome.stderr.rstrip("\n").splitlines()[-2:]
    assert cause.startswith("ecr-tasks: ")
    assert cause.endswith(".")
    assert remedy.endswith(".")
    return f"{cause} {remedy}"


def test_build_push_prints_the_reference_and_nothing_else(project: Project) -> None:
    done = project.inv("build", "push")
    assert (done.code, done.stdout) == (0, f"{project.reference}\n")
    sha = f"sha-{project.revision[:7]}"
    assert project.tags == {sha: project.image.digest, "main": project.image.digest}
    assert project.docker.builds == 1
    (image,) = project.receipt["images"]
    assert image["published"][0]["reference"] == project.reference
    assert image["published"][0]["state"] == "pushed"
    assert image["source"]["revision"] == project.revision


def test_push_builds_first_what_is_not_built(project: Project) -> None:
    assert project.inv("push").stdout == f"{project.reference}\n"
    assert project.docker.builds == 1


def test_push_takes_what_an_earlier_build_left(project: Project) -> None:
    project.inv("build")
    assert project.inv("push").stdout == f"{project.reference}\n"
    assert project.docker.builds == 1


def change_a_file(project: Project) -> None:
    """An uncommitted change."""
    project.write("Dockerfile", "FROM scratch\nLABEL changed=yes\n")


def commit_again(project: Project) -> None:
    """Another commit."""
    project.commit()


def change_a_setting(project: Project) -> None:
    """Another build argument."""
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_BUILD_ARGS=A=2\n")


def remove_the_image(project: Project) -> None:
    """`docker image prune`, between build and push."""
    project.docker.store.clear()


@pytest.mark.parametrize("change", [change_a_file, commit_again, change_a_setting, remove_the_image])
def test_push_builds_again_what_no_longer_matches(project: Project, change: Callable[[Project], None]) -> None:
    project.inv("build")
    change(project)
    assert project.inv("push").code == 0
    assert project.docker.builds == 2


def test_build_by_itself_asks_no_registry_and_always_builds(project: Project) -> None:
    project.inv("build", "push")
    done = project.inv("build")
    assert (done.code, done.stdout) == (0, "")
    assert project.calls.made == [("build", "team/app")]
    assert project.docker.builds == 2


@pytest.mark.parametrize("words", [("build", "push"), ("push",)])
def test_a_published_commit_is_neither_built_nor_pushed_again(project: Project, words: tuple[str, ...]) -> None:
    project.inv("build", "push")
    done = project.inv(*words)
    assert (done.code, done.stdout) == (0, f"{project.reference}\n")
    assert project.docker.builds == 1
    assert project.calls.named(*CHANGES) == []
    assert project.receipt["images"][0]["published"][0]["state"] == "already-published"


def test_a_moving_tag_that_is_elsewhere_is_set_again_without_docker(project: Project) -> None:
    project.inv("build", "push")
    project.registry.put("team/app", OLD, "main")
    assert project.inv("build", "push").stdout == f"{project.reference}\n"
    assert project.calls.named(*CHANGES) == [("set_tag", "team/app", "main")]
    assert project.receipt["images"][0]["published"][0]["state"] == "retagged"


def test_a_release_gets_its_version_and_latest(project: Project) -> None:
    project.git("tag", "v1.2.3")
    project.inv("build", "push")
    assert {"1.2.3", "latest", "main"} <= set(project.tags)


def test_an_uncommitted_tree_moves_no_tag_but_its_own(project: Project) -> None:
    project.registry.put("team/app", OLD, "main")
    change_a_file(project)
    project.inv("build", "push")
    dirty = f"sha-{project.revision[:7]}-dirty"
    assert project.tags == {"main": OLD.digest, dirty: project.image.digest}


def test_an_uncommitted_tree_is_refused_if_asked_for(project: Project) -> None:
    change_a_file(project)
    assert "Dockerfile" in failed(project.inv("build", "push", ECR_DIRTY="refuse"), 6)
    assert project.calls.named(*CHANGES) == []


@pytest.mark.parametrize("words", [("--dry", "build", "push"), ("build", "push", "--dry"), ("--dry", "push")])
def test_a_dry_run_shows_the_plan_and_changes_nothing(project: Project, words: tuple[str, ...]) -> None:
    done = project.inv(*words)
    assert (done.code, done.stdout) == (0, "")
    assert "main" in done.stderr
    assert project.calls.named(*CHANGES) == []
    assert project.receipt is None


def test_plan_shows_what_would_happen_and_changes_nothing(project: Project) -> None:
    project.registry.put("team/app", OLD, "main")
    done = project.inv("plan")
    assert (done.code, done.stdout) == (0, "")
    assert OLD.digest[:19] in done.stderr
    assert project.calls.named(*CHANGES) == []
    assert project.receipt is None


def test_plan_as_json_is_one_document(project: Project) -> None:
    project.registry.put("team/app", OLD, "main")
    found = project.inv("plan", "--json").document
    assert found["images"][0]["tags"][1] == {
        "tag": "main",
        "kind": "moving",
        "state": "moves",
        "digest": OLD.digest,
        "because": found["images"][0]["tags"][1]["because"],
    }
    assert found["conflicts"] == []


def test_a_locked_tag_is_refused_with_both_digests_before_anything_is_built(project: Project) -> None:
    project.inv("build", "push")
    project.registry.put("team/app", OLD, "main")
    project.registry.repositories["team/app"] = repository("IMMUTABLE")
    said = failed(project.inv("build", "push"), 6)
    assert OLD.digest in said
    assert project.image.digest in said
    assert project.calls.named(*CHANGES) == []


def test_a_missing_repository_is_named_before_anything_is_built(project: Project) -> None:
    said = failed(project.inv("build", "push", ECR_REPOSITORY="team/new"), 5)
    assert "team/new" in said
    assert "inv repo.ensure" in said
    assert project.calls.named(*CHANGES) == []


def test_push_creates_a_missing_repository_if_it_may(project: Project) -> None:
    done = project.inv("build", "push", ECR_REPOSITORY="team/new", ECR_CREATE_REPOSITORY="true")
    assert done.code == 0
    assert done.stdout.startswith(f"{HOST}/team/new@sha256:")
    assert project.calls.named("create") == [("create", "team/new")]


def test_repo_ensure_creates_what_is_missing_once(project: Project) -> None:
    assert project.inv("--dry", "repo.ensure", ECR_REPOSITORY="team/new").code == 0
    assert project.calls.named("create") == []
    assert project.inv("repo.ensure", ECR_REPOSITORY="team/new").code == 0
    assert "team/new" in project.registry.repositories
    project.inv("repo.ensure", ECR_REPOSITORY="team/new")
    assert project.calls.named("create") == []


def test_a_failed_build_is_exit_code_3(project: Project) -> None:
    project.docker.broken = BuildError("The build failed at [2/2] RUN false.", "Mend that step.")
    assert "RUN false" in failed(project.inv("build", "push"), 3)
    assert project.tags == {}


def test_aws_that_says_no_is_exit_code_4(project: Project) -> None:
    def refuse() -> None:
        raise AwsError("The AWS credentials have expired.", "Run `aws sso login`.")

    project.calls.before["look"] = refuse
    assert "expired" in failed(project.inv("build", "push"), 4)


def test_a_missing_dockerfile_is_found_before_docker_is_asked(project: Project) -> None:
    (project.path / "Dockerfile").unlink()
    assert "Dockerfile" in failed(project.inv("build"), 2)
    assert project.calls.made == []


def test_a_push_that_breaks_off_is_finished_by_the_next(project: Project) -> None:
    project.registry.put("team/app", OLD, "main")

    def vanish() -> None:
        project.calls.fail_at = len(project.calls.made) - 1

    project.calls.before["set_tag"] = vanish
    said = failed(project.inv("build", "push"), 5)
    assert project.image.digest in said
    assert project.tags["main"] == OLD.digest
    project.calls.fail_at = None
    assert project.inv("build", "push").stdout == f"{project.reference}\n"
    assert project.tags["main"] == project.image.digest


@pytest.mark.parametrize("call", ["look", "build", "push", "set_tag"])
def test_an_interruption_is_exit_code_130_wherever_it_comes(project: Project, call: str) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    project.calls.before[call] = interrupt
    assert "Interrupted" in failed(project.inv("build", "push"), 130)
    assert project.inv("build", "push").code == 0


def test_access_keys_in_git_are_refused_with_the_line_to_add(project: Project) -> None:
    keys = "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG\n"
    env = project.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n{keys}")
    project.git("add", "--force", env.name)
    project.commit()
    done = project.inv("build", "push")
    assert done.code == 6
    assert done.stdout == ""
    assert ".gitignore" in done.stderr
    assert "wJalr" not in done.stderr
    assert project.calls.named("build", "push") == []


def test_what_an_engine_cant_hold_is_told_before_the_build(project: Project) -> None:
    project.docker.classic = True
    said = failed(project.inv("build", "push", ECR_PRESET="supply-chain"), 3)
    assert "containerd" in said
    assert project.calls.named("build") == []


def test_one_plain_image_costs_no_question_to_the_engine(project: Project) -> None:
    project.inv("build", "push")
    assert project.calls.named("engine") == []


def test_each_target_of_a_bake_file_is_published_and_printed(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    project.write("docker-bake.hcl", "")
    project.commit()
    project.docker.bake_targets = {"api": BuildDefinition("."), "worker": BuildDefinition(".")}
    for name in ("team/api", "team/worker"):
        project.registry.repositories[name] = Repository(name, ACCOUNT, f"{HOST}/{name}")
        project.registry.held[name], project.registry.tags[name] = {}, {}
    done = project.inv("build", "push")
    assert done.code == 0
    assert [line.partition("@")[0] for line in done.stdout.splitlines()] == [
        f"{HOST}/team/api",
        f"{HOST}/team/worker",
    ]
    assert project.docker.builds == 1
    assert [image["name"] for image in project.receipt["images"]] == ["api", "worker"]


def test_the_registry_cache_is_logged_in_to_before_the_build(project: Project) -> None:
    project.inv("build", ECR_CACHE="registry")
    names = [call[0] for call in project.calls.made]
    assert names.index("authorize") < names.index("build")
    assert project.docker.inputs[0].definition.cache_to


def test_a_base_image_in_ecr_is_logged_in_to_before_the_build(project: Project) -> None:
    base = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
    project.write("Dockerfile", f"FROM {base}/python:3.13\n")
    project.commit()
    project.inv("build")
    assert ("token", "us-east-1") in project.calls.made
    assert [token.host for token in project.docker.authorized] == [base]


def test_pull_pulls_what_was_pushed_by_digest(project: Project) -> None:
    done = project.inv("build", "push", "pull")
    assert project.calls.named("pull") == [("pull", project.reference, "")]
    assert done.stdout == f"{project.reference}\n" * 2


def test_pull_by_tag_and_platform(project: Project) -> None:
    project.registry.put("team/app", OLD, "stable")
    done = project.inv("pull", "--image", "stable", "--platform", "linux/arm64")
    assert done.stdout == f"{HOST}/team/app@{OLD.digest}\n"
    assert project.calls.named("pull") == [("pull", f"{HOST}/team/app:stable", "linux/arm64")]
    names = [call[0] for call in project.calls.made]
    assert names.index("authorize") < names.index("pull")


def test_pulling_what_is_not_there_names_it(project: Project) -> None:
    assert "nosuch" in failed(project.inv("pull", "--image", "nosuch"), 5)
    assert "team/new" in failed(project.inv("pull", "--image", "1", ECR_REPOSITORY="team/new"), 5)


def test_login_and_logout(project: Project) -> None:
    for name in ("login", "logout"):
        assert (project.inv(name).code, project.calls.named(name)) == (0, [(name, HOST)])
        assert (project.inv("--dry", name).code, project.calls.named(name)) == (0, [])


def test_commands_prints_lines_to_paste_and_no_password(project: Project) -> None:
    done = project.inv("commands")
    assert done.stdout.splitlines()[0].startswith("cd ")
    assert f"docker push {HOST}/team/app:main" in done.stdout.splitlines()
    assert "the-registry-password" not in done.stdout + done.stderr
    assert project.calls.named(*CHANGES) == []
