"""The digest of an image's inputs: what changes it and what does not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.inputs.digest import files_digest, inputs_digest
from tests.support.tree import OTHER_BASE, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "tree")


def touch(tree: Tree) -> None:
    os.utime(tree.path / "app.py", (1, 1))


def write_again(tree: Tree) -> None:
    (tree.path / "app.py").unlink()
    tree.write("app.py", "print()\n")


def an_ignored_file(tree: Tree) -> None:
    tree.write("lib/new.log", "x")


def an_empty_folder(tree: Tree) -> None:
    (tree.path / "empty").mkdir()


def our_own_folder(tree: Tree) -> None:
    tree.write(".ecr-tasks/receipt.json", "{}")


def another_repository(tree: Tree) -> None:
    tree.write("lib/.git/config", "")


@pytest.mark.parametrize(
    "change", [touch, write_again, an_ignored_file, an_empty_folder, our_own_folder, another_repository]
)
@pytest.mark.parametrize("git", [False, True])
def test_what_changes_nothing(tree: Tree, git: bool, change: Callable[[Tree], None]) -> None:
    tree = tree.under_git() if git else tree
    before = tree.digest()
    change(tree)
    assert tree.digest() == before


def other_content(tree: Tree) -> None:
    tree.write("app.py", "print(1)\n")


def same_size_and_time(tree: Tree) -> None:
    before = (tree.path / "app.py").stat()
    tree.write("app.py", "print[]\n")
    os.utime(tree.path / "app.py", ns=(before.st_atime_ns, before.st_mtime_ns))


def executable(tree: Tree) -> None:
    (tree.path / "app.py").chmod(0o755)


def a_new_file(tree: Tree) -> None:
    tree.write("lib/new.py", "")


def a_file_less(tree: Tree) -> None:
    (tree.path / "app.py").unlink()


def another_name(tree: Tree) -> None:
    (tree.path / "app.py").rename(tree.path / "lib" / "app.py")


def a_link(tree: Tree) -> None:
    (tree.path / "app.py").unlink()
    (tree.path / "app.py").symlink_to("lib/part.py")


def the_dockerfile(tree: Tree) -> None:
    tree.write("Dockerfile", "FROM base:1\nCOPY . /app\n")


def the_base_image(tree: Tree) -> None:
    tree.docker.local_bases["base:1"] = OTHER_BASE


@pytest.mark.parametrize(
    "change",
    [
        *(other_content, same_size_and_time, executable, a_new_file, a_file_less, another_name, a_link),
        *(the_dockerfile, the_base_image),
    ],
)
@pytest.mark.parametrize("git", [False, True])
def test_what_makes_other_inputs(tree: Tree, git: bool, change: Callable[[Tree], None]) -> None:
    tree = tree.under_git() if git else tree
    before = tree.digest()
    change(tree)
    after = tree.digest()
    assert after != before
    if git:
        tree.git("add", "--all")
        assert tree.digest() == after
        tree.git("commit", "--quiet", "--allow-empty", "--message", "two")
        assert tree.digest() == after


@pytest.mark.parametrize(
    "changes",
    [
        {"args": {"A": "1"}},
        {"target": "Dockerfile"},
        {"platforms": ("linux/arm64",)},
        {"labels": {"a": "1"}},
        {"annotations": {"a": "1"}},
        {"attest": ("type=sbom",)},
        {"secrets": ("id=npm,env=A",)},
        {"ssh": ("default",)},
        {"extra": {"no-cache": True}},
        {"contexts": {"x": "docker-image://base:1"}},
    ],
    ids=str,
)
def test_what_is_asked_for_counts(tree: Tree, changes: Mapping[str, Any]) -> None:
    tree.write("Dockerfile", "FROM base:1 AS dockerfile\nCOPY . /\n")
    assert tree.digest(**changes) != tree.digest()


def test_where_secrets_and_caches_are_does_not_count(tree: Tree) -> None:
    one = tree.digest(secrets=("id=npm,env=A",), ssh=("default=/a",), cache_to=("type=inline",))
    assert one == tree.digest(secrets=("id=npm,src=/b",), ssh=("default",))


def test_the_engines_platform_is_the_default_one(tree: Tree) -> None:
    assert tree.digest(platforms=("linux/amd64",)) == tree.digest()
    several = ("linux/amd64", "linux/arm64")
    assert tree.digest(platforms=several) == tree.digest(platforms=several[::-1])


@given(
    st.dictionaries(st.text(min_size=1), st.tuples(st.sampled_from(["file", "exec"]), st.text("0123456789abcdef")))
)
def test_the_order_of_files_does_not_count_and_every_one_does(files: dict[str, tuple[str, str]]) -> None:
    assert files_digest(dict(reversed(files.items()))) == files_digest(files)
    for name, (kind, content) in files.items():
        assert files_digest({**files, name: (kind, f"{content}0")}) != files_digest(files)
        assert files_digest({key: file for key, file in files.items() if key != name}) != files_digest(files)


PAIRS = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3)


@given(PAIRS, PAIRS, PAIRS)
def test_no_part_is_taken_for_another(args: dict[str, str], labels: dict[str, str], bases: dict[str, str]) -> None:
    def digest(args: dict[str, str], labels: dict[str, str], bases: dict[str, str]) -> str:
        return inputs_digest(BuildDefinition(".", args=args, labels=labels), "x", ("linux/amd64",), bases)

    assert (digest(args, labels, bases) == digest(labels, args, bases)) == (args == labels)
    assert (digest(args, labels, bases) == digest(args, bases, labels)) == (bases == labels)
    shuffled = dict(reversed(args.items()))
    assert digest(shuffled, labels, bases) == digest(args, labels, bases)
