"""Tests of files that git calls unchanged, and that a clone has otherwise."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ecr_tasks.source.git.command import Git
from tests.support.repo import Repo

LF, CRLF = b"one\ntwo\n", b"one\r\ntwo\r\n"


def commit_bytes(repo: Repo, name: str, content: bytes) -> None:
    repo.write(name).write_bytes(content)
    repo.git("add", "--", name)
    repo.git("commit", "--quiet", "--message", name)


@pytest.mark.parametrize(
    ("attributes", "content", "differs"),
    [
        ("* text=auto", CRLF, True),
        ("* text=auto", LF, False),
        ("*.sh text eol=lf", CRLF, True),
        ("*.sh text eol=crlf", CRLF, False),
        ("*.sh text eol=crlf", LF, True),
        ("*.sh -text", CRLF, False),
        ("*.md text", CRLF, False),
        ("*.sh ident", b"$Id: mine$\n", True),
        ("*.sh ident", b"$Id$\n", True),
        ("*.sh ident", LF, False),
        ("*.sh filter=unknown", CRLF, False),
    ],
)
def test_bytes_that_a_checkout_would_write_otherwise_are_a_change(
    repo: Repo, attributes: str, content: bytes, differs: bool
) -> None:
    repo.commit(".gitattributes", f"{attributes}\n")
    commit_bytes(repo, "app/run.sh", content)
    assert repo.git("status", "--short") == ""
    state = repo.read()
    assert state.rewritten == state.changes == (("app/run.sh",) if differs else ())
    assert state.dirty == differs
    clone = repo.clone("clone")
    assert not clone.read().dirty
    assert ((clone.path / "app/run.sh").read_bytes() == content) != differs


@pytest.mark.parametrize("others", [{}, {"required": "true"}, {"smudge": "cat"}, {"smudge": ""}])
def test_a_filter_that_only_cleans_leaves_what_no_clone_has(repo: Repo, others: dict[str, str]) -> None:
    for name, value in {"clean": "grep -v SECRET", **others}.items():
        repo.git("config", f"filter.strip.{name}", value)
    repo.commit(".gitattributes", "config filter=strip\n")
    commit_bytes(repo, "config", b"1\nSECRET\n")
    assert repo.read().rewritten == ("config",)


def test_a_filter_that_masks_leaves_what_no_clone_has(repo: Repo) -> None:
    repo.git("config", "filter.mask.clean", "sed s/hunter2/XXXXXXX/")
    repo.commit(".gitattributes", "config filter=mask\n")
    commit_bytes(repo, "config", b"hunter2\n")
    assert repo.read().rewritten == ("config",)


def test_where_not_all_can_be_written_nothing_is_compared(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves parts of files behind."""
    repo.commit(".gitattributes", "* text=auto\n")
    commit_bytes(repo, "run.sh", CRLF)
    run = Git.test

    def fail(git: Git, *arguments: str, **options: Any) -> bool:
        run(git, *arguments, **options)
        return False

    monkeypatch.setattr(Git, "test", fail)
    assert not repo.read().dirty


def test_of_several_settings_of_a_filter_the_last_one_counts(repo: Repo) -> None:
    repo.git("config", "filter.strip.clean", "grep -v SECRET")
    for smudge in ("false", ""):
        repo.git("config", "--add", "filter.strip.smudge", smudge)
    repo.commit(".gitattributes", "config filter=strip\n")
    commit_bytes(repo, "config", b"1\nSECRET\n")
    assert repo.read().rewritten == ("config",)


def test_what_a_filter_made_that_is_not_configured_here_is_left_out(repo: Repo) -> None:
    """As where Git LFS has written the files, and the job's own image doesn't have it."""
    options = ("-c", "filter.big.clean=printf pointer", "-c", "filter.big.smudge=printf bigcontent")
    repo.commit(".gitattributes", "*.bin filter=big\n")
    repo.write("a.bin", "bigcontent")
    repo.git(*options, "add", "a.bin")
    repo.git("commit", "--quiet", "--message", "a.bin")
    os.utime(repo.path / "a.bin", (0, 0))  # or git reads the file, as it may have changed within the same second
    repo.git(*options, "update-index", "--refresh")
    assert not repo.read().dirty


def test_what_a_filter_makes_of_the_commit_is_its_own_matter(repo: Repo) -> None:
    """As of Git LFS, whose files may be huge, and whose program alone knows their bytes."""
    repo.git("config", "filter.double.clean", "sed s/2/1/")
    repo.git("config", "filter.double.smudge", "false")  # which is not run
    repo.commit(".gitattributes", "config filter=double\n")
    commit_bytes(repo, "config", b"2 2 2\n")
    assert not repo.read().dirty


def test_what_is_changed_anyway_and_what_is_gone(repo: Repo) -> None:
    repo.commit(".gitattributes", "* text=auto\n")
    for name in ("changed", "gone", "with\nline break"):
        commit_bytes(repo, name, CRLF)
    (repo.path / "changed").write_bytes(b"other\r\n")
    (repo.path / "gone").unlink()
    state = repo.read()
    assert state.rewritten == ("with\nline break",)
    assert sorted(state.changes) == ["changed", "gone", "with\nline break"]


def test_without_attributes_nothing_is_compared(repo: Repo) -> None:
    commit_bytes(repo, "run.sh", CRLF)
    assert not repo.read().dirty
