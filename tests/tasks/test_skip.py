"""ECR_SKIP on a command line."""

from __future__ import annotations

from tests.tasks.conftest import CHANGES, Project


def built_once(project: Project, *words: str, **environ: str) -> str:
    done = project.inv("build", "push", **environ)
    assert done.code == 0, done.stderr
    assert project.docker.builds == 1
    return done.stdout


def test_another_branch_with_the_same_files_is_not_built(project: Project) -> None:
    first = built_once(project, ECR_SKIP="content")
    project.git("checkout", "--quiet", "-b", "feature/x")
    project.git("commit", "--quiet", "--allow-empty", "--message", "Nothing")
    plan = project.inv("plan", ECR_SKIP="content")
    assert "the same inputs are published as inputs-" in plan.stderr
    assert project.calls.named(*CHANGES) == []
    assert project.inv("--dry", "build", "push", ECR_SKIP="content").code == 0
    assert project.calls.named(*CHANGES) == []
    assert built_once(project, ECR_SKIP="content") == first
    assert [call[0] for call in project.calls.named(*CHANGES, "describe")] == ["describe", "set_tag", "set_tag"]
    assert {"feature-x", f"sha-{project.revision[:7]}", "main"} <= project.tags.keys()
    assert project.receipt["images"][0]["published"][0]["state"] == "retagged"
    (tag,) = [name for name in project.tags if name.startswith("inputs-")]
    assert tag not in project.receipt["images"][0]["published"][0]["tags"]


def test_a_changed_file_is_built(project: Project) -> None:
    built_once(project, ECR_SKIP="content")
    project.write("more", "x")
    project.commit()
    assert project.inv("build", "push", ECR_SKIP="content").code == 0
    assert project.docker.builds == 2


def test_after_content_a_run_by_commits_takes_what_is_published(project: Project) -> None:
    first = built_once(project, ECR_SKIP="content")
    project.git("commit", "--quiet", "--amend", "--message", "Other words")
    assert built_once(project, ECR_SKIP="content") == first
    assert built_once(project) == first


def test_what_was_built_before_it_was_committed_stays_the_commits_when_a_base_image_changes(project: Project) -> None:
    project.write("Dockerfile", "FROM base:1\nCOPY . /\n")
    project.docker.local_bases["base:1"] = f"sha256:{'1' * 64}"
    first = built_once(project, ECR_SKIP="content")
    assert any(name.endswith("-dirty") for name in project.tags)
    project.commit()
    assert built_once(project, ECR_SKIP="content") == first
    project.docker.local_bases["base:1"] = f"sha256:{'2' * 64}"
    assert built_once(project, ECR_SKIP="content") == first


def test_by_commits_nothing_is_asked_about_inputs(project: Project) -> None:
    project.write("Dockerfile", "FROM base:1\n")
    project.commit()
    project.inv("build", "push")
    assert project.calls.named("image_digest", "engine") == []
    assert not any(name.startswith("inputs-") for name in project.tags)


def test_a_build_of_its_own_is_pushed_by_the_next_command(project: Project) -> None:
    project.inv("build", ECR_SKIP="content")
    assert project.docker.builds == 1
    project.inv("push", ECR_SKIP="content")
    assert project.docker.builds == 1


def test_a_file_that_git_ignores_is_named_when_it_is_built(project: Project) -> None:
    project.write(".gitignore", ".env\n.env.*\n.ecr-tasks/\nout/\n")
    project.commit()
    project.write("out/one", "")
    said = project.inv("build", "push", ECR_SKIP="content").stderr
    assert "out/one" in said
    assert ".dockerignore" in said
    assert "out/one" not in project.inv("build", "push", ECR_SKIP="content").stderr


def test_never_on_a_command_line(project: Project) -> None:
    first = built_once(project, ECR_SKIP="never")
    for words in (("build", "push"), ("push",)):
        done = project.inv(*words, ECR_SKIP="never")
        assert (done.code, done.stdout) == (0, first)
    assert project.docker.builds == 3
    project.docker.unstable = True
    before = project.tags
    said = project.inv("build", "push", ECR_SKIP="never").failed(6)
    assert project.image.digest in said
    assert project.tags == before


def test_a_base_image_in_ecr_is_asked_for_with_a_token_of_its_region(project: Project) -> None:
    base = "210987654321.dkr.ecr.us-east-1.amazonaws.com/python:3.13"
    project.write("Dockerfile", f"FROM {base}\n")
    project.commit()
    project.docker.registry_bases[base] = f"sha256:{'1' * 64}"
    project.inv("plan", ECR_SKIP="content")
    made = project.calls.log
    assert made.index(("authorize", base.partition("/")[0])) < made.index(("image_digest", base, "registry"))
    assert ("token", "us-east-1") in made
    project.docker.local_bases[base] = f"sha256:{'1' * 64}"
    project.inv("plan", ECR_SKIP="content")
    assert project.calls.named("token", "authorize") == []
