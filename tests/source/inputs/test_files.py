"""Contexts under git: its blob ids are used where they are right for the files, and only there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.source.build_context.walk import context_files
from ecr_tasks.source.git.blob import blob_id
from ecr_tasks.source.git.index import Index, read_index
from ecr_tasks.source.inputs import files
from ecr_tasks.source.inputs.digest import files_digest
from ecr_tasks.source.inputs.files import read_folder
from tests.support.tree import OTHER_BASE, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "tree")


def test_a_commit_and_a_copy_without_git_are_the_same(tree: Tree, tmp_path: Path) -> None:
    copy = Tree(tmp_path / "copy")
    assert tree.under_git().digest() == copy.digest()


def test_a_repository_with_sha256_has_its_own_names(tree: Tree) -> None:
    tree.under_git("--object-format=sha256")
    before = tree.digest()
    tree.write("app.py", "print(1)\n")
    other = tree.digest()
    tree.git("commit", "--quiet", "--all", "--message", "two")
    assert (tree.digest(), other == before) == (other, False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the system is asked for: ``stat`` or ``open`` and a file's name."""
    names: list[str] = []

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.path, self._entry = entry.path, entry

        def __getattr__(self, name: str) -> object:
            if name == "stat":
                names.append(f"stat {self._entry.name}")
            return getattr(self._entry, name)

    def blob(path: Path, *arguments: Any) -> str:
        names.append(f"open {path.name}")
        return blob_id(path, *arguments)

    def walk(*arguments: Any) -> Iterator[tuple[str, Entry]]:
        return ((path, Entry(entry)) for path, entry in context_files(*arguments))

    monkeypatch.setattr(files, "blob_id", blob)
    monkeypatch.setattr(files, "context_files", walk)
    return names


def test_what_git_knows_is_neither_opened_nor_asked_for(tree: Tree, asked: list[str]) -> None:
    (tree.path / ".dockerignore").unlink()
    (tree.path / "link").symlink_to("app.py")
    tree.under_git()
    blob = tree.git("rev-parse", "HEAD:app.py")
    read = read_folder(tree.path, None, partial(read_index, environ=os.environ))
    assert asked == []
    assert read.files["app.py"] == read.tracked["app.py"] == ("file", blob)
    tree.write("new.py", "1")
    tree.write("app.py", "print(2)\n")
    read_folder(tree.path, None, partial(read_index, environ=os.environ))
    assert sorted(asked) == ["open app.py", "open new.py", "stat app.py", "stat new.py"]


@pytest.mark.parametrize("compares", ["true", "false"])
def test_the_work_trees_modes_count_whether_or_not_git_compares_them(tree: Tree, compares: str) -> None:
    (tree.path / "app.py").chmod(0o755)
    (tree.path / "link").symlink_to("app.py")
    tree.under_git().git("config", "core.fileMode", compares)
    for name in ("app.py", "lib/part.py"):
        path = tree.path / name
        path.chmod(path.stat().st_mode ^ 0o111)
        by_git = read_folder(tree.path, None, partial(read_index, environ=os.environ))
        assert by_git.files == read_folder(tree.path, None, lambda folder: Index()).files
        assert by_git.digest == files_digest(by_git.files)
        assert by_git.tracked_digest == files_digest(by_git.tracked)


def change(path: Path, how: str) -> None:
    """Change a file in one way."""
    if how == "content":
        path.write_text(f"{path.name} 2", encoding="utf-8")
    elif how == "mode":
        path.chmod(0o755)
    elif how != "nothing":
        path.unlink()
    if how == "link":
        path.symlink_to("a")
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
        (path / "inner").touch()


CHANGES = ("nothing", "content", "mode", "gone", "link", "pipe", "folder")


@settings(deadline=None, max_examples=15)
@given(st.lists(st.sampled_from(CHANGES), min_size=5, max_size=5), st.booleans())
def test_what_git_knows_is_what_the_files_are(changes: list[str], compares_modes: bool) -> None:
    with TemporaryDirectory() as folder:
        tree = Tree(Path(folder, "tree"))
        names = [f"{'x/' * (number % 3)}{name}" for number, name in enumerate("abcde")]
        for name in names:
            tree.write(name, name)
        tree.under_git().git("config", "core.fileMode", str(compares_modes).lower())
        for name, how in zip(names, changes, strict=True):
            change(tree.path / name, how)
        by_git = read_folder(tree.path, None, partial(read_index, environ=os.environ))
        assert by_git.files == read_folder(tree.path, None, lambda folder: Index()).files


def test_a_link_to_a_pipe_is_not_followed(tree: Tree) -> None:
    tree.under_git()
    os.mkfifo(tree.path / "pipe")
    (tree.path / "link").symlink_to("pipe")
    folder = read_folder(tree.path, None, partial(read_index, environ=os.environ))
    assert folder.tracked["link"] == folder.files["link"]
    assert "pipe" not in folder.files


CONVERTED = {
    "line ends": ("*.py text eol=crlf\n", ()),
    "a filter": ("*.py filter=upper\n", ("filter.upper.smudge=tr a-z A-Z", "filter.upper.clean=tr A-Z a-z")),
    "autocrlf": ("", ("core.autocrlf=true",)),
}


@pytest.mark.parametrize(("attributes", "config"), CONVERTED.values(), ids=CONVERTED.keys())
def test_what_git_converts_is_read(tree: Tree, attributes: str, config: tuple[str, ...]) -> None:
    """What docker sends is the work tree's bytes, whatever the repository holds."""
    tree.under_git()
    for entry in config:
        tree.git("config", *entry.split("=", 1))
    if attributes:
        tree.write(".gitattributes", attributes)
        tree.git("add", "--all")
        tree.git("commit", "--quiet", "--message", "attributes")
    (tree.path / "app.py").unlink()
    tree.git("checkout", "--", "app.py")
    content = (tree.path / "app.py").read_bytes()
    assert content != b"print()\n"
    folder = read_folder(tree.path, None, partial(read_index, environ=os.environ))
    assert folder.files["app.py"][1] == tree.git("hash-object", "--no-filters", "app.py")
    assert folder.tracked["app.py"][1] == tree.git("rev-parse", "HEAD:app.py")


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_is_told_not_to_look_at_is_read(tree: Tree, flag: str) -> None:
    before = tree.under_git().digest()
    tree.git("update-index", flag, "app.py")
    tree.write("app.py", "print(2)\n")
    assert tree.git("status", "--porcelain") == ""
    assert tree.digest() != before


def test_a_submodules_files_count(tree: Tree, tmp_path: Path) -> None:
    inner = Tree(tmp_path / "inner").under_git()
    tree.under_git()
    tree.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), "sub")
    tree.git("commit", "--quiet", "--message", "sub")
    before = tree.digest()
    tree.write("sub/lib/part.py", "2\n")
    tree.write("sub/.gitignore", "*\n")
    assert tree.digest() != before
    assert "sub/app.py" in tree.inputs().files


def test_files_that_git_ignores_count_and_are_named(tree: Tree) -> None:
    tree.write(".gitignore", "build/\n*.log\n")
    before = tree.under_git().inputs()
    assert before.unshared == ()
    tree.write("build/out", "1")
    tree.write("a.log", "in neither")
    after = tree.inputs()
    assert after.digest != before.digest
    assert after.unshared == ("build/out",)
    assert after.tracked_digest == before.tracked_digest


def test_what_a_commit_decides_is_the_same_whatever_base_images_are(tree: Tree) -> None:
    before = tree.under_git().inputs()
    tree.docker.local_bases["base:1"] = OTHER_BASE
    assert tree.inputs().tracked_digest == before.tracked_digest
    tree.write("app.py", "print(1)\n")
    tree.git("commit", "--quiet", "--all", "--message", "two")
    assert tree.inputs().tracked_digest != before.tracked_digest


def test_a_context_in_a_repositorys_folder_has_its_own_paths(tree: Tree) -> None:
    tree.under_git()
    tree.write("lib/Dockerfile", "FROM scratch\n")
    read = read_folder(tree.path / "lib", None, partial(read_index, environ=os.environ))
    assert read.files.keys() == read.tracked.keys() == {"part.py", "Dockerfile"}
    assert dict(read.tracked) == dict(read.files)


@pytest.mark.parametrize("folder", [".", "lib"])
@pytest.mark.parametrize(("attributes", "config"), [*CONVERTED.values(), ("", ())], ids=[*CONVERTED, "nothing"])
def test_an_uncommitted_tree_is_what_the_commit_of_it_will_be(
    tree: Tree, folder: str, attributes: str, config: tuple[str, ...]
) -> None:
    tree.write(".gitattributes", attributes)
    tree.write("lib/Dockerfile", "FROM base:1\n")
    tree.write(".gitignore", "build/\n")
    tree.write("lib/build/out", "only here")
    tree.under_git()
    for entry in config:
        tree.git("config", *entry.split("=", 1))
    before = read_folder(tree.path / folder, None, partial(read_index, environ=os.environ)).tracked
    inner = "" if folder == "lib" else "lib/"
    tree.write("lib/part.py", "2\r\n")
    tree.write("lib/new.py", "3\r\n")
    (tree.path / "lib/link").symlink_to("part.py")
    dirty = read_folder(tree.path / folder, None, partial(read_index, environ=os.environ)).tracked
    assert dirty.keys() - before.keys() == {f"{inner}new.py", f"{inner}link"}
    assert dirty[f"{inner}part.py"] != before[f"{inner}part.py"]
    tree.git("add", "--all")
    tree.git("commit", "--quiet", "--message", "two")
    assert read_folder(tree.path / folder, None, partial(read_index, environ=os.environ)).tracked == dirty
