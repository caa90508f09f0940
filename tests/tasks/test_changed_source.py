"""Tests of runs during which the source changes: its content is never published as the commit's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecr_tasks.clients.docker.push_lock import PushLocks
from ecr_tasks.model.image import BuildDefinition
from tests.support.build import REVISION_B, manifest
from tests.tasks.conftest import Project

RULES = "type=sha\ntype=semver,pattern={{version}}\ntype=ref,event=tag"


def edit(project: Project) -> None:
    project.write("Dockerfile", "FROM scratch\nLABEL edited=1\n")


def add(project: Project) -> None:
    project.write("new.txt", "not committed")


def hide(project: Project) -> None:
    project.git("update-index", "--assume-unchanged", "Dockerfile")
    edit(project)


def commit(project: Project) -> None:
    edit(project)
    project.commit()


CHANGES = {"edited": edit, "added": add, "edited and hidden": hide, "committed": commit}


def meanwhile(project: Project, action: Callable[[], object]) -> None:
    """Let something happen while docker builds."""

    def change() -> None:
        action()

    project.calls.before["build"] = change


def wait_for_a_lock(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Let something happen while the run waits for another one's lock."""

    def acquire(self: PushLocks, reference: str, report: Callable[[str], None], minutes: int) -> bool:
        report(f"waiting: another run publishes {reference}")
        action()
        return True

    monkeypatch.setattr(PushLocks, "acquire", acquire)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("words", [("build", "push"), ("push",), ("build",)])
def test_what_changes_during_a_build_is_not_published(project: Project, change: str, words: tuple[str, ...]) -> None:
    before = project.tags
    meanwhile(project, lambda: CHANGES[change](project))
    error = project.inv(*words).failed(6)
    assert "during the build" in error
    assert "git worktree" in error
    assert project.tags == before
    project.git("update-index", "--no-assume-unchanged", "Dockerfile")
    project.git("stash", "--include-untracked", "--quiet")
    result = project.inv("push")
    assert result.code == 0, result.stderr
    assert project.docker.builds == 2, "the build of other content is not published later"


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_during_a_wait_is_not_built(
    project: Project, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.tags
    wait_for_a_lock(monkeypatch, lambda: CHANGES[change](project))
    error = project.inv("build", "push").failed(6)
    assert "during the wait" in error
    assert project.docker.builds == 0
    assert project.tags == before


def move_tag(project: Project) -> None:
    project.git("commit", "--quiet", "--allow-empty", "--message", "Next")
    project.git("tag", "--force", "v1.2.3")
    project.git("reset", "--quiet", "--hard", "HEAD~")


def delete_tag(project: Project) -> None:
    project.git("tag", "--delete", "v1.2.3")


@pytest.mark.parametrize("change", [move_tag, delete_tag])
@pytest.mark.parametrize("waits", [False, True])
def test_a_release_whose_git_tag_is_gone_is_not_published(
    project: Project, change: Callable[[Project], None], waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("tag", "v1.2.3")
    before = project.tags
    if waits:
        wait_for_a_lock(monkeypatch, lambda: change(project))
    else:
        meanwhile(project, lambda: change(project))
    assert "1.2.3" in project.inv("build", "push", ECR_TAGS=RULES).failed(6)
    assert project.tags == before


def test_a_new_git_tag_waits_for_the_next_run(project: Project) -> None:
    meanwhile(project, lambda: project.git("tag", "v1.2.3"))
    assert project.inv("build", "push").code == 0
    assert "1.2.3" not in project.tags
    assert project.inv("build", "push").code == 0
    assert "1.2.3" in project.tags
    assert project.docker.builds == 1


@pytest.mark.parametrize("name", [".ecr-tasks/more", "ignored.log", "docs/readme.md"])
def test_what_no_image_reads_may_change(project: Project, name: str) -> None:
    project.write(".gitignore", "*.log\n")
    project.write(".dockerignore", "docs\n.git\n.ecr-tasks\n")
    project.commit()
    meanwhile(project, lambda: project.write(name, "x"))
    result = project.inv("build", "push")
    assert result.code == 0, result.stderr


def test_an_uncommitted_tree_may_change_and_is_not_reused(project: Project) -> None:
    project.write("new.txt", "one")
    meanwhile(project, lambda: project.write("new.txt", "two"))
    assert project.inv("build").code == 0
    project.write("new.txt", "one")
    assert project.inv("push").code == 0
    assert project.docker.builds == 2


def test_a_bake_file_that_changes_during_the_build_counts(project: Project) -> None:
    project.write("release/docker-bake.hcl", "")
    project.write(".dockerignore", "release\n")
    project.commit()
    project.docker.bake_targets = {"app": BuildDefinition(".")}
    meanwhile(project, lambda: project.write("release/docker-bake.hcl", "# edited"))
    project.write(
        ".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=release/docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n"
    )
    assert "docker-bake.hcl" in project.inv("build", "push").failed(6)


@pytest.mark.parametrize(("seconds", "code"), [(0.0, 6), (3600.0, 0)])
def test_a_plan_that_is_not_fresh_is_looked_at_again(
    project: Project, seconds: float, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build of another image, or a task in between, can take any time."""
    project.inv("build", "push")
    (fixed,) = [tag for tag in project.tags if tag.startswith("sha-")]
    monkeypatch.setattr("ecr_tasks.plan.snapshot.FRESH_SECONDS", seconds)

    def move() -> None:
        project.registry.put("team/app", manifest("another commit's", REVISION_B), fixed)

    project.calls.after["describe"] = move
    assert project.inv("push").code == code
    assert bool(project.calls.named("tag_digests")) is (code == 6), "an unchanged push asks nothing more"
