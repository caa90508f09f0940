"""Tests of source/git/index: one reading of git's index for the folders of many images."""

from __future__ import annotations

import os
import subprocess
from itertools import groupby
from pathlib import Path

import pytest

from ecr_tasks.source.git.command import Git
from ecr_tasks.source.git.index import Index, indexes, read_index
from tests.support.folder import Folder

FOLDERS = ("", "apps/api", "apps/api-2", "apps/api/src", "apps/b\u00e9", "empty", "apps")


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    """Return a repository with changed, ignored and new files in several folders."""
    folder = Folder(tmp_path / "project")
    for path in (
        "app.py",
        "apps/api/a.py",
        "apps/api/src/b.py",
        "apps/api-2/c.py",
        "apps/b\u00e9/d.py",
        "apps/api0/e",
    ):
        folder.write(path, path)
    folder.write(".gitattributes", "apps/api/src/*.py text\n")
    folder.git("init", "--quiet", "--template=", "--initial-branch=main")
    folder.git("add", "--all")
    folder.git("commit", "--quiet", "--message", "one")
    folder.write("apps/api/a.py", "changed")
    folder.write("apps/api-2/new.py", "new")
    (folder.path / "empty").mkdir()
    return folder


def parts(index: Index) -> tuple[object, ...]:
    return (dict(index.tracked), index.unchanged, index.changed, index.submodules, index.algorithm)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folders_part_is_what_git_says_of_it(project: Folder, name: str) -> None:
    folder = project.path / name
    one, alone = indexes(project.path, os.environ)(folder), read_index(folder, os.environ)
    assert parts(one) == parts(alone)
    assert one.git is not None
    assert alone.git is not None
    assert one.git.run("rev-parse", "--show-prefix") == alone.git.run("rev-parse", "--show-prefix")


def test_git_is_asked_once_for_all(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    start = subprocess.Popen.__init__

    def begin(self: object, *arguments: object, **options: object) -> None:
        started.append(arguments)
        start(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", begin)
    read = indexes(project.path, os.environ)
    read(project.path / FOLDERS[1])
    first = len(started)
    for name in FOLDERS:
        read(project.path / name)
    assert 0 < first == len(started)


def test_an_option_without_a_value_is_on(project: Folder) -> None:
    with Path(project.path, ".git/config").open("a", encoding="utf-8") as file:
        file.write("[core]\n\tautocrlf\n\tfileMode\n")
    index = read_index(project.path, os.environ)
    assert (index.unchanged, index.has_modes) == (frozenset(), True)


def test_git_opens_the_attributes_of_each_folder_once(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each change of the folder in what it is asked for, it opens those of all parents again."""
    for number in range(40):
        project.write(f"many/{number % 8}/file{number}", "x")
    project.git("add", "--all")
    asked: list[str] = []
    run = Git.run

    def spy(self: Git, *arguments: str, stdin: bytes = b"", **options: tuple[int, ...]) -> bytes:
        if arguments[0] == "check-attr":
            asked.extend(os.fsdecode(stdin).split("\0")[:-1])
        return run(self, *arguments, stdin=stdin, **options)

    monkeypatch.setattr(Git, "run", spy)
    index = read_index(project.path, os.environ)
    folders = [
        folder for folder, _ in groupby(path for path in map(os.path.dirname, asked) if path.startswith("many"))
    ]
    assert len(folders) == 8
    assert {path for path in index.unchanged if path.startswith("many")} == {path for path in asked if "many" in path}


def test_another_repository_inside_or_outside_is_read_by_itself(project: Folder, tmp_path: Path) -> None:
    read = indexes(project.path, os.environ)
    for place in (project.path / "apps" / "other", tmp_path / "elsewhere"):
        other = Folder(place)
        other.write("own/own.py", "own")
        other.git("init", "--quiet", "--template=", "--initial-branch=main")
        other.git("add", "--all")
        assert set(read(place).tracked) == {"own/own.py"}
        assert set(read(place / "own").tracked) == {"own.py"}


def test_a_folder_without_a_repository_has_no_index(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert (
        indexes(tmp_path, os.environ)(tmp_path / "plain") == indexes(None, os.environ)(tmp_path / "plain") == Index()
    )
