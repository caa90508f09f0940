"""git is started so that nothing in a repository can make it wait for ever."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.git import command
from ecr_tasks.source.git.command import Git
from ecr_tasks.source.git.read import git_state
from tests.support.repo import Repo


@pytest.mark.parametrize(
    "name", [".gitignore", "web/.gitignore", ".gitattributes", ".git/info/exclude", ".git/packed-refs"]
)
def test_a_pipe_that_git_would_wait_for_is_named(repo: Repo, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PATIENCE_SECONDS", 0.5)
    path: Path = repo.path / name
    path.parent.mkdir(exist_ok=True)
    (path.parent / "new").touch()
    for tracked in repo.git("ls-files").split():
        os.utime(repo.path / tracked, (0, 0))  # or git need not compare it, for which it reads the attributes
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="it is a named pipe") as caught:
        git_state(repo.path, environ=os.environ)
    assert str(path) in caught.value.cause


def test_a_git_that_takes_long_gets_all_of_a_long_input(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PATIENCE_SECONDS", 0.1)
    git = shutil.which("git")
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\nsleep 0.5\nexec {git} "$@"\n', encoding="utf-8")
    slow.chmod(0o755)
    revision = repo.git("rev-parse", "HEAD").encode()
    slow_git = Git.find(repo.path, {**repo.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"})
    answer = slow_git.run("cat-file", "--batch-check=%(objecttype)", stdin=(revision + b"\n") * 5000)
    assert answer == b"commit\n" * 5000


@pytest.mark.parametrize("size", [1, 5000])
def test_a_pipe_is_named_whatever_git_is_given(
    repo: Repo, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PATIENCE_SECONDS", 0.1)
    os.mkfifo(repo.path / ".gitattributes")
    with pytest.raises(SettingsError, match="it is a named pipe"):
        Git.find(repo.path, repo.environ).run("check-attr", "--stdin", "--all", stdin=b"file\n" * size)


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"\0\0\0", b"ref: elsewhere\n"])
@pytest.mark.parametrize("below", ["", "web"])
def test_a_damaged_head_is_no_missing_repository(repo: Repo, content: bytes, below: str) -> None:
    (repo.path / "web").mkdir(exist_ok=True)
    (repo.path / ".git" / "HEAD").write_bytes(content)
    with pytest.raises(SettingsError, match="because its file HEAD is damaged") as caught:
        git_state(repo.path / below, environ=os.environ)
    assert str(repo.path / ".git") in caught.value.cause
