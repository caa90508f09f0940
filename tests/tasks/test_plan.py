"""The `plan` task, and --dry."""

from __future__ import annotations

import pytest

from tests.support.build import REVISION_B, manifest
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
