"""The tasks beside the main job: plan and --dry, repo.ensure, pull, login, logout and commands."""

from __future__ import annotations

import pytest

from tests.support.build import HOST, REVISION_B, manifest
from tests.tasks.conftest import CHANGES, Project

OLD = manifest("old", REVISION_B)


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


def test_repo_ensure_creates_what_is_missing_once(project: Project) -> None:
    assert project.inv("--dry", "repo.ensure", ECR_REPOSITORY="team/new").code == 0
    assert project.calls.named("create") == []
    assert project.inv("repo.ensure", ECR_REPOSITORY="team/new").code == 0
    assert "team/new" in project.registry.repositories
    project.inv("repo.ensure", ECR_REPOSITORY="team/new")
    assert project.calls.named("create") == []


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
    assert "nosuch" in project.inv("pull", "--image", "nosuch").failed(5)
    assert "team/new" in project.inv("pull", "--image", "1", ECR_REPOSITORY="team/new").failed(5)


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
