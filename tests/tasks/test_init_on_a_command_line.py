"""The `init` task on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.conftest import Project

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_init_writes_a_start_and_says_so(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert project.inv("--dry", "init").code == 0
    assert list(folder.iterdir()) == []
    done = project.inv("init")
    assert (done.code, done.stdout) == (0, "")
    assert {path.name for path in folder.iterdir()} == {".env", "tasks.py", ".gitignore", ".dockerignore"}
    for name in (".env", "tasks.py", ".gitignore", ".dockerignore"):
        assert name in done.stderr
