"""Tests of `init` on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.conftest import Project


def test_init_writes_the_files_and_lists_them(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert project.inv("--dry", "init").code == 0
    assert list(folder.iterdir()) == []
    result = project.inv("init")
    assert (result.code, result.stdout) == (0, "")
    assert {path.name for path in folder.iterdir()} == {".env", "tasks.py", ".gitignore", ".dockerignore"}
    for name in (".env", "tasks.py", ".gitignore", ".dockerignore"):
        assert name in result.stderr
