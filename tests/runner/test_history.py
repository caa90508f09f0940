"""Tests of how other commits stand to the source's, as a run asks git about them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ecr_tasks.runner.history import relations
from tests.support.build import REVISION_A, REVISION_B


def test_git_is_asked_once_about_what_it_knows_and_never_about_the_commit_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = list[list[str]]()

    def answer(project: Path, revision: str, others: list[str], *, environ: object) -> dict[str, str]:
        asked.append(others)
        return {other: "unknown" if other == "c" * 40 else "older" for other in others}

    monkeypatch.setattr("ecr_tasks.source.git.history.relations", answer)
    run: Any = SimpleNamespace(source=SimpleNamespace(revision=REVISION_A), relations={}, project=Path())
    commits = [REVISION_A[:9], REVISION_B, "c" * 40]
    for _ in range(2):
        assert relations(run, commits) == dict(zip(commits, ("newer", "older", "unknown"), strict=True))
    assert asked == [[REVISION_B, "c" * 40], ["c" * 40]]
    run.source.revision = None
    assert relations(run, commits) == dict.fromkeys(commits, "unknown")
