"""Builds that wait for their push are known to the user's other projects, for a day."""

from __future__ import annotations

import os
from pathlib import Path

from ecr_tasks.runner.pending_builds import PENDING_SECONDS, forget, note, of_others


def test_other_projects_see_a_build_until_its_push_or_for_a_day(tmp_path: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    ours, theirs = tmp_path / "a", tmp_path / "b"
    note(ours, {"api": "sha256:1", "web": "sha256:2"}, environ)
    assert of_others(theirs, ["api", "web"], environ) == {"sha256:1", "sha256:2"}
    assert of_others(ours, ["api", "web"], environ) == set()
    assert of_others(ours, ["api"], environ) == {"sha256:2"}
    note(ours, {"api": "sha256:3"}, environ)
    assert of_others(theirs, ["api"], environ) == {"sha256:2", "sha256:3"}
    forget(ours, ["web", "unknown"], environ)
    assert of_others(theirs, ["api"], environ) == {"sha256:3"}
    (file,) = (tmp_path / "cache" / "ecr-tasks" / "builds").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    long_ago = file.stat().st_mtime - PENDING_SECONDS - 60
    os.utime(file, (long_ago, long_ago))
    assert of_others(theirs, ["api"], environ) == set()
    assert not file.exists()


def test_without_a_folder_nothing_is_noted(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    for environ in ({}, {"XDG_CACHE_HOME": str(tmp_path / "cache")}):
        note(tmp_path, {"api": "sha256:1"}, environ)
        forget(tmp_path, ["api"], environ)
        assert of_others(tmp_path / "b", ["api"], environ) == set()
