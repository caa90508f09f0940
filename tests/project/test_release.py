"""What script/release refuses before it builds anything, in a small repository of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_tasks import __version__
from tests.project.test_lock import CHECKOUT

FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore", "ecr_tasks/__init__.py")
UNRELEASED = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- All of it.\n"
RELEASED = UNRELEASED.replace("ed]\n", f"ed]\n\n## [{__version__}] - 2026-01-31\n")


def run(folder: Path, *arguments: str | Path, code: int = 0) -> str:
    """Run a command in the folder; return what it prints on stderr."""
    environ = {name: value for name, value in os.environ.items() if name != "DEPENDENCIES"}
    done = subprocess.run(arguments, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr


def git(folder: Path, *arguments: str) -> None:
    run(folder, "git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *arguments)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One commit with what the first steps of a release read, and an environment that needs no installation."""
    for name in FILES:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, target)
    for name in ("script", "requirements"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    run(tmp_path, "bash", "-c", ". script/lib/common.bash; . script/lib/venv.bash; venv_state >.venv/made-for-dev")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, UNRELEASED)
    return tmp_path


def commit(folder: Path, changelog: str) -> None:
    """Commit everything, with this text as the changelog."""
    (folder / "CHANGELOG.md").write_text(changelog, "utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")


def test_a_release_is_a_commit(project: Path) -> None:
    commit(project, RELEASED)
    (project / "ecr_tasks/other.py").touch()
    assert "changes that no commit has" in run(project, "script/release", code=1)


def test_a_release_needs_its_part_of_the_changelog(project: Path) -> None:
    assert f"has to read ## [{__version__}] - " in run(project, "script/release", code=1)


def test_a_version_is_released_once(project: Path) -> None:
    git(project, "tag", f"v{__version__}")
    commit(project, RELEASED)
    assert f"v{__version__} is there already" in run(project, "script/release", code=1)


def test_a_tag_of_another_version_is_refused(project: Path) -> None:
    """Else the workflow would publish this version for a tag that names another."""
    commit(project, RELEASED)
    git(project, "tag", "v99.0.0")
    assert f"is tagged v99.0.0 and its version is {__version__}" in run(project, "script/release", "--check", code=1)


def test_a_tagged_commit_is_checked_as_a_release(project: Path) -> None:
    git(project, "tag", f"v{__version__}")
    assert f"has to read ## [{__version__}] - " in run(project, "script/release", "--check", code=1)
