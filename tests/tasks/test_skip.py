"""Tests of ECR_SKIP on a command line."""

from __future__ import annotations

from tests.support.build import repository
from tests.tasks.conftest import CHANGING_CALLS, Project


def push_with_one_build_in_total(project: Project, *words: str, **environ: str) -> str:
    """Run `build push`, check that only one build has been made so far, and return the printed reference."""
    result = project.inv("build", "push", **environ)
    assert result.code == 0, result.stderr
    assert project.docker.builds == 1
    return result.stdout


def test_another_branch_with_the_same_files_is_not_built(project: Project) -> None:
    locked = repository("IMMUTABLE_WITH_EXCLUSION", "main", "feature-x")
    project.registry.repositories[locked.name] = locked
    first = push_with_one_build_in_total(project, ECR_SKIP="content")
    project.git("checkout", "--quiet", "-b", "feature/x")
    project.git("commit", "--quiet", "--allow-empty", "--message", "Nothing")
    plan = project.inv("plan", ECR_SKIP="content")
    assert "the same inputs are published as inputs-" in plan.stdout
    assert project.calls.named(*CHANGING_CALLS) == []
    assert project.inv("--dry", "build", "push", ECR_SKIP="content").code == 0
    assert project.calls.named(*CHANGING_CALLS) == []
    assert push_with_one_build_in_total(project, ECR_SKIP="content") == first
    assert [call[0] for call in project.calls.named(*CHANGING_CALLS, "describe")] == [
        "describe",
        "set_tag",
        "set_tag",
    ]
    assert {"feature-x", f"sha-{project.revision[:7]}", "main"} <= project.tags.keys()
    assert project.receipt["images"][0]["published"][0]["state"] == "retagged"
    (tag,) = [name for name in project.tags if name.startswith("inputs-")]
    assert tag not in project.receipt["images"][0]["published"][0]["tags"]


def test_a_changed_file_is_built(project: Project) -> None:
    push_with_one_build_in_total(project, ECR_SKIP="content")
    project.write("more", "x")
    project.commit()
    assert project.inv("build", "push", ECR_SKIP="content").code == 0
    assert project.docker.builds == 2


def test_after_content_a_run_with_commit_uses_the_published_image(project: Project) -> None:
    first = push_with_one_build_in_total(project, ECR_SKIP="content")
    project.git("commit", "--quiet", "--amend", "--message", "Other words")
    assert push_with_one_build_in_total(project, ECR_SKIP="content") == first
    assert push_with_one_build_in_total(project) == first


def test_an_image_that_was_built_before_its_commit_is_kept_when_a_base_image_changes(project: Project) -> None:
    project.write("Dockerfile", "FROM base:1\nCOPY . /\n")
    project.docker.local_bases["base:1"] = f"sha256:{'1' * 64}"
    first = push_with_one_build_in_total(project, ECR_SKIP="content")
    assert any(name.endswith("-dirty") for name in project.tags)
    project.commit()
    assert push_with_one_build_in_total(project, ECR_SKIP="content") == first
    project.docker.local_bases["base:1"] = f"sha256:{'2' * 64}"
    assert push_with_one_build_in_total(project, ECR_SKIP="content") == first


def test_with_commit_no_inputs_are_collected(project: Project) -> None:
    project.write("Dockerfile", "FROM base:1\n")
    project.commit()
    project.inv("build", "push")
    assert project.calls.named("image_digest", "engine") == []
    assert not any(name.startswith("inputs-") for name in project.tags)


def test_a_build_is_pushed_by_the_next_command(project: Project) -> None:
    project.inv("build", ECR_SKIP="content")
    assert project.docker.builds == 1
    project.inv("push", ECR_SKIP="content")
    assert project.docker.builds == 1


def test_a_file_that_git_ignores_is_named_when_it_is_in_the_build(project: Project) -> None:
    project.write(".gitignore", ".env\n.env.*\n.ecr-tasks/\nout/\n")
    project.commit()
    project.write("out/one", "")
    stderr = project.inv("build", "push", ECR_SKIP="content").stderr
    assert "out/one" in stderr
    assert ".dockerignore" in stderr
    assert "out/one" not in project.inv("build", "push", ECR_SKIP="content").stderr


def test_with_never_every_run_builds_and_another_digest_is_refused(project: Project) -> None:
    first = push_with_one_build_in_total(project, ECR_SKIP="never")
    for words in (("build", "push"), ("push",)):
        result = project.inv(*words, ECR_SKIP="never")
        assert (result.code, result.stdout) == (0, first)
    assert project.docker.builds == 3
    project.docker.unstable = True
    before = project.tags
    error = project.inv("build", "push", ECR_SKIP="never").failed(6)
    assert project.image.digest in error
    assert project.tags == before


def test_the_digest_of_a_base_image_in_ecr_is_read_with_a_token_of_its_region(project: Project) -> None:
    base = "210987654321.dkr.ecr.us-east-1.amazonaws.com/python:3.13"
    project.write("Dockerfile", f"FROM {base}\n")
    project.commit()
    project.docker.registry_bases[base] = f"sha256:{'1' * 64}"
    project.inv("plan", ECR_SKIP="content")
    log = project.calls.log
    assert log.index(("authorize", base.partition("/")[0])) < log.index(("image_digest", base, "registry"))
    assert ("token", "us-east-1") in log
    project.docker.local_bases[base] = f"sha256:{'1' * 64}"
    project.inv("plan", ECR_SKIP="content")
    assert ("image_digest", base, "registry") not in project.calls.log


def test_the_receipt_of_a_published_single_image_has_its_platform(project: Project) -> None:
    push_with_one_build_in_total(project, ECR_PLATFORMS="linux/arm64")
    push_with_one_build_in_total(project, ECR_PLATFORMS="linux/arm64")
    (image,) = project.receipt["images"]
    assert (image["published"][0]["state"], image["platforms"]) == ("already-published", ["linux/arm64"])
