"""Contexts under git: its blob ids are used where they are right for the files, and only there."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from ecr_tasks.source.git.index import read_index
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


def test_what_git_knows_is_not_read(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree.path / ".dockerignore").unlink()
    tree.under_git()
    blob = tree.git("rev-parse", "HEAD:app.py")
    opened: list[Path] = []
    monkeypatch.setattr(Path, "open", lambda self, *arguments: opened.append(self))
    read = read_folder(tree.path, None, partial(read_index, environ=os.environ))
    assert opened == []
    assert read.files["app.py"] == read.tracked["app.py"] == ("file", blob)


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
