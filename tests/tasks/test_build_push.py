"""Tests of `build` and `push` on a command line: output, changes and exit codes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from ecr_tasks.errors import AwsError, BuildError, EcrTasksError, RegistryError, SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.local_image import LocalImage
from ecr_tasks.model.manifest import REVISION, SETTINGS
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.build_settings import SCHEMA
from ecr_tasks.runner.pending_builds import of_others
from ecr_tasks.runner.run import Run
from tests.support.build import ACCOUNT, HOST, REVISION_B, manifest, repository
from tests.support.fakes.calls import network_error
from tests.support.keys import DOTENV, SECRET
from tests.tasks.conftest import CHANGING_CALLS, Project
from tests.tasks.several_images import several

OLD_IMAGE = manifest("old", REVISION_B)


def test_build_push_prints_the_reference_and_nothing_else(project: Project) -> None:
    result = project.inv("build", "push")
    assert (result.code, result.stdout) == (0, f"{project.reference}\n")
    sha = f"sha-{project.revision[:7]}"
    assert project.tags == {sha: project.image.digest, "main": project.image.digest}
    assert project.docker.builds == 1
    (image,) = project.receipt["images"]
    assert image["published"][0]["reference"] == project.reference
    assert image["published"][0]["state"] == "pushed"
    assert image["source"]["revision"] == project.revision


def test_what_is_published_needs_no_client_of_docker(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.inv("build", "push")
    monkeypatch.setattr(Run, "docker", property(lambda run: pytest.fail("docker's client is made")))
    for _ in range(2):  # after a run that built, and after one that didn't
        assert project.inv("build", "push").stdout == f"{project.reference}\n"


def test_push_without_a_build_builds_first(project: Project) -> None:
    assert project.inv("push").stdout == f"{project.reference}\n"
    assert project.docker.builds == 1


def test_push_publishes_the_image_of_an_earlier_build(project: Project) -> None:
    project.inv("build")
    assert project.inv("push").stdout == f"{project.reference}\n"
    assert project.docker.builds == 1


@pytest.mark.parametrize("tasks", [("push",), ("build", "push")])
def test_what_was_built_outlives_credentials_that_end_before_the_push(
    project: Project, tasks: tuple[str, ...]
) -> None:
    def end() -> None:
        raise AwsError("The AWS credentials have expired.", "Get new ones.")

    project.calls.before["create"] = end
    new = {"ECR_REPOSITORY": "team/new", "ECR_CREATE_REPOSITORY": "true"}
    failed = project.inv(*tasks, **new)
    assert (failed.code, failed.stdout) == (4, "")
    assert project.inv("push", **new).code == 0
    assert project.docker.builds == 1


def change_a_file(project: Project) -> None:
    """Make an uncommitted change."""
    project.write("Dockerfile", "FROM scratch\nLABEL changed=yes\n")


def commit_again(project: Project) -> None:
    """Make another commit."""
    project.commit()


def change_a_setting(project: Project) -> None:
    """Set a build argument."""
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_BUILD_ARGS=A=2\n")


def test_the_build_of_uncommitted_changes_begins_before_the_plan_each_time(project: Project) -> None:
    project.inv("build", "push")
    for text in ("FROM scratch\nLABEL changed=yes\n", "FROM scratch\nLABEL changed=again\n"):
        project.write("Dockerfile", text)
        assert project.inv("build", "push").code == 0
        assert project.docker.inputs[-1].references == ()  # what it had when it began


def remove_the_image(project: Project) -> None:
    """Remove the image from the store, as `docker image prune` does."""
    project.docker.store.clear()


@pytest.mark.parametrize("change", [change_a_file, commit_again, change_a_setting, remove_the_image])
def test_push_builds_again_if_the_last_build_no_longer_matches(
    project: Project, change: Callable[[Project], None]
) -> None:
    project.inv("build")
    change(project)
    assert project.inv("push").code == 0
    assert project.docker.builds == 2


def test_build_alone_calls_no_registry_and_always_builds(project: Project) -> None:
    project.inv("build", "push")
    result = project.inv("build")
    assert (result.code, result.stdout) == (0, "")
    names = [name for name, *_ in project.calls.log]
    assert sorted(names) == ["build", "image_configs", "local_names"]  # docker's, all
    assert project.docker.builds == 2


@pytest.mark.parametrize("words", [("build", "push"), ("push",)])
def test_a_published_commit_is_neither_built_nor_pushed_again(project: Project, words: tuple[str, ...]) -> None:
    project.inv("build", "push")
    result = project.inv(*words)
    assert (result.code, result.stdout) == (0, f"{project.reference}\n")
    assert project.docker.builds == 1
    assert project.calls.named(*CHANGING_CALLS) == []
    assert project.receipt["images"][0]["published"][0]["state"] == "already-published"


def test_a_moving_tag_on_another_image_is_moved_without_docker(project: Project) -> None:
    project.inv("build", "push")
    project.registry.put("team/app", OLD_IMAGE, "main")
    assert project.inv("build", "push").stdout == f"{project.reference}\n"
    assert project.calls.named(*CHANGING_CALLS) == [("set_tag", "team/app", "main")]
    assert project.receipt["images"][0]["published"][0]["state"] == "retagged"


def test_a_release_gets_its_version_and_latest(project: Project) -> None:
    project.git("tag", "v1.2.3")
    project.inv("build", "push")
    assert {"1.2.3", "latest", "main"} <= set(project.tags)


def test_an_uncommitted_tree_moves_no_tag_but_its_own(project: Project) -> None:
    project.registry.put("team/app", OLD_IMAGE, "main")
    change_a_file(project)
    project.inv("build", "push")
    dirty = f"sha-{project.revision[:7]}-dirty"
    assert project.tags == {"main": OLD_IMAGE.digest, dirty: project.image.digest}


def test_an_uncommitted_tree_is_refused_if_ecr_dirty_is_refuse(project: Project) -> None:
    change_a_file(project)
    assert "Dockerfile" in project.inv("build", "push", ECR_DIRTY="refuse").failed(6)
    assert project.calls.named(*CHANGING_CALLS) == []


def test_a_locked_tag_is_refused_with_both_digests_before_anything_is_built(project: Project) -> None:
    project.inv("build", "push")
    project.registry.put("team/app", OLD_IMAGE, "main")
    project.registry.repositories["team/app"] = repository("IMMUTABLE")
    error = project.inv("build", "push").failed(6)
    assert OLD_IMAGE.digest in error
    assert project.image.digest in error
    assert project.calls.named(*CHANGING_CALLS) == []


def test_the_commit_of_a_locked_image_without_annotations_comes_from_its_labels(project: Project) -> None:
    """Docker's classic image store pushes images without annotations."""
    unannotated = manifest("by a classic store", None)
    project.registry.put("team/app", unannotated, "main")
    project.registry.repositories["team/app"] = repository("IMMUTABLE")
    project.registry.config_labels[unannotated.digest] = {REVISION: REVISION_B}
    error = project.inv("build", "push").failed(6)
    assert f"{unannotated.digest}, built from {REVISION_B}, " in error
    assert project.calls.named("labels") == [("labels", "team/app", unannotated.digest)]
    project.registry.config_labels.clear()
    assert "built from" not in project.inv("build", "push").failed(6)


def test_labels_are_read_only_if_the_image_in_the_way_has_no_annotations(project: Project) -> None:
    unannotated = manifest("by a classic store", None)
    project.registry.put("team/app", unannotated, "main")
    assert project.inv("build", "push").code == 0
    project.registry.put("team/app", OLD_IMAGE, "main")
    project.registry.repositories["team/app"] = repository("IMMUTABLE")
    project.inv("build", "push").failed(6)
    assert project.calls.named("labels") == []


def test_a_missing_repository_is_named_before_anything_is_built(project: Project) -> None:
    error = project.inv("build", "push", ECR_REPOSITORY="team/new").failed(5)
    assert "team/new" in error
    assert "inv repo.ensure" in error
    assert project.calls.named(*CHANGING_CALLS) == []


def test_push_creates_a_missing_repository_if_allowed(project: Project) -> None:
    result = project.inv("build", "push", ECR_REPOSITORY="team/new", ECR_CREATE_REPOSITORY="true")
    assert result.code == 0
    assert result.stdout.startswith(f"{HOST}/team/new@sha256:")
    assert project.calls.named("create") == [("create", "team/new")]


def test_a_failed_build_is_exit_code_3(project: Project) -> None:
    project.docker.build_error = BuildError("The build failed at [2/2] RUN false.", "Mend that step.")
    assert "RUN false" in project.inv("build", "push").failed(3)
    assert project.tags == {}


def test_an_aws_error_is_exit_code_4(project: Project) -> None:
    def refuse() -> None:
        raise AwsError("The AWS credentials have expired.", "Run `aws sso login`.")

    project.calls.before["describe"] = refuse
    assert "expired" in project.inv("build", "push").failed(4)


def test_a_missing_dockerfile_is_an_error_before_any_docker_call(project: Project) -> None:
    (project.path / "Dockerfile").unlink()
    assert "Dockerfile" in project.inv("build").failed(2)
    assert project.calls.log == []


@pytest.mark.parametrize("keep", ["3", "all"])
def test_a_build_waits_for_its_push_also_after_one_that_failed(project: Project, keep: str) -> None:
    def waiting() -> set[str]:
        return of_others(project.path / "elsewhere", ["team/app"], os.environ)

    def lose_the_network() -> None:
        raise network_error()

    project.inv("build", ECR_KEEP_LOCAL=keep)
    assert len(waiting()) == 1
    project.calls.before["push"] = lose_the_network
    project.inv("push", ECR_KEEP_LOCAL=keep).failed(5)
    assert len(waiting()) == 1
    assert project.inv("push", ECR_KEEP_LOCAL=keep).code == 0
    assert waiting() == set()
    project.commit()
    project.calls.before["push"] = lose_the_network
    project.inv("build", "push", ECR_KEEP_LOCAL=keep).failed(5)
    assert len(waiting()) == 1


def test_names_that_an_interrupted_push_left_go_with_the_next(project: Project) -> None:
    def interrupt() -> None:
        if project.calls.log[-1][2] == "main":
            raise KeyboardInterrupt
        project.calls.before["set_tag"] = interrupt

    names = (f"team/app:sha-{project.revision[:7]}", "team/app:main")
    labels = {SETTINGS: SCHEMA, REVISION: project.revision}
    project.docker.local = [LocalImage(project.image.digest, names, labels)]
    project.calls.before["set_tag"] = interrupt
    assert project.inv("build", "push", ECR_KEEP_LOCAL="0").code == 130
    assert project.calls.named("remove_names") == []
    again = project.inv("build", "push", ECR_KEEP_LOCAL="0")
    assert (again.code, project.calls.named("build")) == (0, [])
    assert project.calls.named("remove_names") == [("remove_names", name) for name in names]  # two of one image
    assert project.inv("build", "push", ECR_KEEP_LOCAL="0").code == 0
    assert project.calls.named("local_names") == []  # nothing is left: docker isn't asked


def test_older_names_go_when_the_new_ones_are_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the moving tag would take the last name of an image, which the engine then keeps without one."""

    def tag_slowly(source: str, target: str) -> None:
        time.sleep(0.1)
        tag(source, target)

    tag, older = project.docker.tag, f"team/app:sha-{project.revision[:7]}"
    labels = {SETTINGS: SCHEMA, REVISION: project.revision}
    project.docker.local = [LocalImage("sha256:older", (older, "team/app:main"), labels)]
    project.commit()
    monkeypatch.setattr(project.docker, "tag", tag_slowly)
    project.inv("build", "push", ECR_KEEP_LOCAL="1")
    log = [(call[0], call[-1]) for call in project.calls.log]
    assert log.index(("tag", "team/app:main")) < log.index(("remove_names", older))


def test_a_local_name_that_cannot_be_given_ends_no_push_and_removes_no_older_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: str) -> None:
        if target == "team/app:main":
            raise BuildError("docker could not tag team/app:main: no.", "Start it.")
        tag(source, target)

    tag, older = project.docker.tag, f"team/app:sha-{project.revision[:7]}"
    project.docker.local = [
        LocalImage("sha256:older", (older, "team/app:main"), {SETTINGS: SCHEMA, REVISION: project.revision})
    ]
    project.commit()
    monkeypatch.setattr(project.docker, "tag", refuse)
    result = project.inv("build", "push", ECR_KEEP_LOCAL="1")
    assert (result.code, result.stdout) == (3, f"{project.reference}\n")
    assert "is published, but has not all its local names: docker could not tag team/app:main: no." in result.stderr
    assert f"`docker tag {HOST}/team/app:sha-{project.revision[:7]} NAME`" in result.stderr
    assert project.tags["main"] == project.image.digest
    assert project.calls.named("remove_names") == []


def test_a_push_that_fails_is_finished_by_the_next_run(project: Project) -> None:
    project.registry.put("team/app", OLD_IMAGE, "main")

    def lose_connection() -> None:
        if project.calls.log[-1][2] == "main":
            project.calls.fail_at = len(project.calls.log) - 1
        else:
            project.calls.before["set_tag"] = lose_connection

    project.calls.before["set_tag"] = lose_connection
    error = project.inv("build", "push").failed(5)
    assert project.image.digest in error
    assert project.tags["main"] == OLD_IMAGE.digest
    project.calls.fail_at = None
    assert project.inv("build", "push").stdout == f"{project.reference}\n"
    assert project.tags["main"] == project.image.digest


@pytest.mark.parametrize("call", ["describe", "build", "push", "set_tag"])
def test_an_interruption_at_any_call_is_exit_code_130(project: Project, call: str) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    project.calls.before[call] = interrupt
    assert "Interrupted" in project.inv("build", "push").failed(130)
    assert project.inv("build", "push").code == 0


def test_access_keys_in_git_are_refused_with_the_line_to_add(project: Project) -> None:
    env = project.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n{DOTENV}")
    project.git("add", "--force", env.name)
    project.commit()
    result = project.inv("build", "push")
    assert result.code == 6
    assert result.stdout == ""
    assert ".gitignore" in result.stderr
    assert SECRET not in result.stderr
    assert project.calls.named("build", "push") == []


def test_sample_keys_in_git_are_in_nobodys_way(project: Project) -> None:
    samples = "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=your-secret-key\n"
    project.write(".env.example", samples)
    project.commit()
    assert project.inv("build", "push").code == 0


def test_an_image_that_the_engine_cannot_store_is_an_error_before_the_build(project: Project) -> None:
    project.docker.classic = True
    error = project.inv("build", "push", ECR_PRESET="supply-chain").failed(3)
    assert "containerd" in error
    assert project.calls.named("build") == []


def test_one_plain_image_needs_no_call_to_the_engine(project: Project) -> None:
    project.inv("build", "push")
    assert project.calls.named("engine") == []


def test_each_target_of_a_bake_file_is_published_and_printed(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    project.write("docker-bake.hcl", "")
    project.commit()
    project.docker.bake_targets = {"api": BuildDefinition("."), "worker": BuildDefinition(".")}
    for name in ("team/api", "team/worker"):
        project.registry.repositories[name] = Repository(name, ACCOUNT, f"{HOST}/{name}")
        project.registry.stored[name], project.registry.tags[name] = {}, {}
    result = project.inv("build", "push")
    assert result.code == 0
    assert [line.partition("@")[0] for line in result.stdout.splitlines()] == [
        f"{HOST}/team/api",
        f"{HOST}/team/worker",
    ]
    assert project.docker.builds == 1
    assert [image["name"] for image in project.receipt["images"]] == ["api", "worker"]


@pytest.mark.parametrize(
    ("line", "published"),
    [
        ("build push --image web", ["web"]),
        ("build --image web push", ["web"]),
        ("push --image w*", ["web", "worker"]),
        ("build push --image front", ["api", "web"]),
    ],
)
def test_only_the_chosen_images_are_built_and_published(project: Project, line: str, published: list[str]) -> None:
    several(project, "api", "web", "worker")
    project.docker.bake_groups = {"front": ("web", "api")}
    result = project.inv(*line.split())
    assert result.code == 0, result.stderr
    assert [line.partition("@")[0] for line in result.stdout.splitlines()] == [f"{HOST}/team/{n}" for n in published]
    assert [item.name for item in project.docker.inputs] == published
    assert [image["name"] for image in project.receipt["images"]] == published


def test_an_image_that_is_not_chosen_is_in_the_build_of_one_that_links_to_it_as_it_is_published(
    project: Project,
) -> None:
    several(project, "app", "base")
    base = BuildDefinition(".")
    project.docker.bake_targets |= {"app": BuildDefinition(".", contexts={"base": "target:base"})}
    assert project.inv("build").code == 0
    all_of_it = project.docker.inputs[0].definition.linked["base"]
    project.docker.inputs.clear()
    assert project.inv("build", "--image", "app").code == 0
    assert [item.name for item in project.docker.inputs] == ["app"]
    assert project.docker.inputs[0].definition.linked["base"] == all_of_it != base


def test_no_image_that_is_chosen_is_an_error_before_anything_is_done(project: Project) -> None:
    several(project, "api", "web")
    for task in ("build", "push", "plan", "images", "commands"):
        error = project.inv(task, "--image", "wbe").failed(2)
        assert "There is no image 'wbe' here." in error
        assert "Did you mean web?" in error
    error = project.inv("promote", "main", "--tag", "prod", "--image", "x*").failed(2)
    assert "No image here has a name like 'x*'." in error
    assert project.docker.builds == 0


def test_the_registry_cache_is_logged_in_to_before_the_build(project: Project) -> None:
    project.inv("build", ECR_CACHE="registry")
    names = [call[0] for call in project.calls.log]
    assert names.index("authorize") < names.index("build")
    assert project.docker.inputs[0].definition.cache_to


@pytest.mark.parametrize(
    "error",
    [
        AwsError("There are no AWS credentials.", "Set some."),
        RegistryError("Nothing answers.", "Try again."),
        SettingsError("No region is set.", "Set AWS_REGION."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_build_goes_on_without_a_cache_that_it_cannot_reach(project: Project, error: EcrTasksError) -> None:
    def fail() -> None:
        raise error

    project.calls.before["describe"] = fail
    result = project.inv("build", ECR_CACHE="registry")
    assert result.code == 0, result.stderr
    assert f"The build cache in ECR is left out: {error.cause}" in result.stderr
    (built,) = project.docker.inputs
    assert (built.definition.cache_from, built.definition.cache_to) == ((), ())


def test_a_pull_request_only_reads_the_cache_and_says_so(project: Project) -> None:
    result = project.inv("build", ECR_CACHE="registry", ECR_PULL_REQUEST="7")
    assert result.code == 0, result.stderr
    (built,) = project.docker.inputs
    assert built.definition.cache_from
    assert built.definition.cache_to == ()
    assert "The build cache is only read, because this run belongs to a pull request" in result.stderr


@pytest.mark.parametrize("given", [{}, {"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_RESULTS_URL": "https://results"}])
def test_a_github_cache_that_buildx_leaves_out_is_said(project: Project, given: dict[str, str]) -> None:
    result = project.inv("build", ECR_CACHE="type=gha", **given)
    assert result.code == 0, result.stderr
    assert ("The gha cache is left out" in result.stderr) == (not given)


@pytest.mark.parametrize(("dest", "written"), [("c", {"c"}), ("c/{{image}}", {"c/api", "c/worker"})])
def test_several_images_that_write_one_cache_are_warned_of(project: Project, dest: str, written: set[str]) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    project.write("docker-bake.hcl", "")
    project.commit()
    project.docker.bake_targets = {"api": BuildDefinition("."), "worker": BuildDefinition(".")}
    result = project.inv("build", ECR_CACHE_TO=f"type=local,dest={dest}")
    assert result.code == 0, result.stderr
    entries = {entry for build in project.docker.inputs for entry in build.definition.cache_to}
    assert entries == {f"type=local,dest={place}" for place in written}
    assert ("write the same local cache" in result.stderr) == (len(written) == 1)


def test_a_bake_files_own_cache_is_warned_of_by_its_own_name(project: Project) -> None:
    several(project, "api", "worker")
    own = BuildDefinition(".", cache_to=("type=registry,ref=r.example/cache:one",))
    project.docker.bake_targets = {"api": own, "worker": own}
    result = project.inv("build")
    assert "api, worker write the same registry cache" in result.stderr
    assert "give each image a cache of another name in its cache-to." in result.stderr
    assert "ECR_CACHE" not in result.stderr


def test_a_pull_request_leaves_a_bake_files_own_cache_as_it_is(project: Project) -> None:
    several(project, "api")
    project.docker.bake_targets = {"api": BuildDefinition(".", cache_to=("type=gha", "type=local,dest=c"))}
    result = project.inv("build", ECR_PULL_REQUEST="7")
    assert result.code == 0, result.stderr
    (written,) = project.docker.inputs[0].definition.cache_to
    assert written.startswith("type=local,")
    assert "The build cache is only read, because this run belongs to a pull request" in result.stderr


def test_a_base_image_in_ecr_is_logged_in_to_before_the_build(project: Project) -> None:
    base = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
    project.write("Dockerfile", f"FROM {base}/python:3.13\n")
    project.commit()
    project.inv("build")
    assert ("token", "us-east-1") in project.calls.log
    assert [token.host for token in project.docker.authorized] == [base]


def test_an_image_of_another_commit_is_not_ours_where_its_run_created_the_repository(project: Project) -> None:
    """Its labels alone name the commit, as with docker's own exporter; they were not read after the creation."""
    other = manifest("another commit's", None)

    def overtake() -> None:
        project.registry.repositories["team/new"] = Repository("team/new", ACCOUNT, f"{HOST}/team/new")
        project.registry.stored["team/new"], project.registry.tags["team/new"] = {}, {}
        project.registry.config_labels[other.digest] = {REVISION: REVISION_B}
        project.registry.put("team/new", other, "1.2.3")

    project.calls.before["create"] = overtake
    result = project.inv(
        *("build", "push"),
        ECR_REPOSITORY="team/new",
        ECR_CREATE_REPOSITORY="true",
        ECR_TAGS="type=raw,value=1.2.3,kind=fixed\ntype=raw,value=latest",
    )
    error = result.failed(6)
    assert REVISION_B[:7] in error
    assert project.registry.tags["team/new"] == {"1.2.3": other.digest}


def test_fresh_builds_take_base_images_and_steps_anew(project: Project) -> None:
    project.inv("build", "push", "--pull")
    project.inv("build", "--no-cache")
    assert [dict(item.definition.extra) for item in project.docker.inputs] == [{"pull": True}, {"no-cache": True}]
    assert project.inv("push").code == 0  # what was built anew is what is pushed
    assert project.docker.builds == 2


def test_push_with_pull_builds_anew_what_an_earlier_run_built(project: Project) -> None:
    project.inv("build")
    assert project.inv("push", "--pull").stdout == f"{project.reference}\n"
    assert project.docker.inputs[-1].definition.extra == {"pull": True}


def test_pull_of_a_published_commit_says_what_would_build_it(project: Project) -> None:
    project.inv("build", "push")
    result = project.inv("push", "--pull")
    assert (result.code, project.docker.builds) == (0, 1)
    assert "--pull changes nothing for team/app, which is published already; add --republish" in result.stderr


def test_line_ends_that_no_clone_has_are_an_uncommitted_change_with_a_warning(project: Project) -> None:
    project.write(".gitattributes", "* text=auto\n")
    (project.path / "run.sh").write_bytes(b"#!/bin/sh\r\n")
    project.commit()
    result = project.inv("plan")
    assert "-dirty" in result.stdout
    assert "git calls run.sh unchanged, and a clone has other bytes there" in result.stderr
    project.write(".dockerignore", ".git*\n.env*\nrun.sh\n")
    project.commit()
    result = project.inv("plan")
    assert (result.code, "-dirty" in result.stdout, "other bytes" in result.stderr) == (0, False, False)


def test_pull_of_a_part_that_is_there_says_that_it_waits_for_the_others(project: Project) -> None:
    platforms = {"ECR_PLATFORMS": "linux/amd64,linux/arm64"}
    assert project.inv("build", "push", "--only", "linux/arm64", **platforms).code == 0
    result = project.inv("push", "--only", "linux/arm64", "--pull", **platforms)
    assert project.docker.builds == 1
    assert "changes nothing for team/app: this runner's part is there, and waits for the others." in result.stderr
    assert "published already" not in result.stderr
