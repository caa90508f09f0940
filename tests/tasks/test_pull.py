"""The `pull` task."""

from __future__ import annotations

from tests.support.build import HOST, REVISION_B, manifest
from tests.tasks.conftest import Project

OLD = manifest("old", REVISION_B)


def test_pull_pulls_what_was_pushed_by_digest(project: Project) -> None:
    done = project.inv("build", "push", "pull")
    assert project.calls.named("pull") == [("pull", project.reference, "")]
    assert done.stdout == f"{project.reference}\n" * 2


def test_pull_by_tag_and_platform(project: Project) -> None:
    project.registry.put("team/app", OLD, "stable")
    done = project.inv("pull", "--image", "stable", "--platform", "linux/arm64")
    assert done.stdout == f"{HOST}/team/app@{OLD.digest}\n"
    assert project.calls.named("pull") == [("pull", f"{HOST}/team/app:stable", "linux/arm64")]
    names = [call[0] for call in project.calls.log]
    assert names.index("authorize") < names.index("pull")


def test_pulling_what_is_not_there_names_it(project: Project) -> None:
    assert "nosuch" in project.inv("pull", "--image", "nosuch").failed(5)
    assert "team/new" in project.inv("pull", "--image", "1", ECR_REPOSITORY="team/new").failed(5)
