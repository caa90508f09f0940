"""Dirty work trees, and fingerprints that differ."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ecr_tasks.source.git.status import parse
from tests.support.repo import Repo

ODD_NAMES = [
    "a b",
    'q"uote',
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "grün",
    "-dash",
    "1 2 3",
    "# x",
    "? y",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(repo: Repo, name: str) -> None:
    repo.write(name, "untracked\n")
    untracked = repo.read()
    assert untracked.changed == (name,)
    repo.commit(name, "tracked\n")
    assert not repo.read().dirty
    repo.write(name, "changed\n")
    assert repo.read().changed == (name,)


def test_a_name_that_is_no_utf8(repo: Repo) -> None:
    path = os.fsencode(repo.path) + b"/caf\xe9"
    try:
        Path(os.fsdecode(path)).write_text("x", encoding="utf-8")
    except OSError:  # macOS' file systems take no such name, so there is nothing to read there
        return
    state = repo.read()
    assert state.changed == ("caf\\xe9",)
    assert state.fingerprint != repo.read().revision


def test_staged_and_unstaged_are_the_same_source(repo: Repo) -> None:
    repo.write("file", "changed\n")
    unstaged = repo.read()
    repo.git("add", "file")
    assert repo.read().fingerprint == unstaged.fingerprint
    assert repo.read().dirty


def test_a_staged_change_alone_is_dirty(repo: Repo) -> None:
    repo.write("file", "changed\n")
    repo.git("add", "file")
    repo.write("file", "content\n")
    assert repo.read().dirty


def test_deleted(repo: Repo) -> None:
    (repo.path / "file").unlink()
    state = repo.read()
    assert state.changed == ("file",)
    assert state.fingerprint not in (None, state.revision)


def test_renamed(repo: Repo) -> None:
    repo.git("config", "status.renames", "copies")
    repo.git("mv", "file", "moved")
    assert sorted(repo.read().changed) == ["file", "moved"]


def test_only_the_mode(repo: Repo) -> None:
    repo.git("config", "core.fileMode", "true")
    path = repo.path / "file"
    path.chmod(0o755)
    executable = repo.read()
    assert executable.changed == ("file",)
    path.write_text("other\n", encoding="utf-8")
    path.chmod(0o644)
    assert repo.read().fingerprint != executable.fingerprint


def test_a_link_and_a_file_differ(repo: Repo) -> None:
    link = repo.path / "new"
    link.symlink_to("target")
    linked = repo.read()
    link.unlink()
    link.write_text("target", encoding="utf-8")
    assert repo.read().fingerprint != linked.fingerprint


def test_a_folder_in_a_files_place(repo: Repo) -> None:
    (repo.path / "file").unlink()
    repo.write("file/inner")
    assert sorted(repo.read().changed) == ["file", "file/inner"]


def test_a_merge_with_a_conflict(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit("file", "side\n")
    repo.git("checkout", "--quiet", "main")
    repo.commit("file", "main\n")
    revision = repo.git("rev-parse", "HEAD")
    with pytest.raises(subprocess.CalledProcessError, match="merge"):
        repo.git("merge", "--quiet", "side")
    state = repo.read()
    assert (state.revision, state.branch, state.changed) == (revision, "main", ("file",))


def test_in_the_middle_of_a_rebase_the_head_is_detached(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit("other")
    repo.git("checkout", "--quiet", "main")
    repo.commit("third")
    repo.git("checkout", "--quiet", "side")
    repo.git("-c", "sequence.editor=sed -i.bak -e s/pick/edit/", "rebase", "--quiet", "--interactive", "main")
    state = repo.read()
    assert (state.branch, state.dirty) == (None, False)


def test_ignored_files_do_not_count(repo: Repo) -> None:
    repo.commit(".gitignore", "*.log\nbuild/\n")
    repo.write("a.log")
    repo.write("build/output")
    state = repo.read()
    assert (state.dirty, state.fingerprint) == (False, state.revision)
    assert state.gitignored == ("a.log", "build/")


def test_our_own_output_does_not_count(repo: Repo) -> None:
    repo.write(".ecr-tasks/receipt.json")
    repo.write("service/.ecr-tasks/receipt.json")
    assert not repo.read().dirty
    repo.write(".ecr-tasks-like")
    assert repo.read().changed == (".ecr-tasks-like",)


def test_a_touched_file_is_unchanged(repo: Repo) -> None:
    os.utime(repo.path / "file", (1, 1))
    assert not repo.read().dirty


def test_a_few_of_many(repo: Repo) -> None:
    for number in range(30):
        repo.write(f"new/{number:02}")
    state = repo.read()
    assert state.changed == tuple(f"new/{number:02}" for number in range(10))
    repo.write("new/29", "changed\n")
    assert repo.read().fingerprint != state.fingerprint


def test_equal_changes_are_equal_sources(repo: Repo) -> None:
    clone = repo.clone("clone")
    for one in (repo, clone):
        one.write("file", "changed\n")
        one.write("new/file", "new\n")
    assert repo.read().fingerprint == clone.read().fingerprint
    clone.write("new/file", "newer\n")
    assert repo.read().fingerprint != clone.read().fingerprint


def test_names_and_contents_do_not_run_together(repo: Repo) -> None:
    seen = set()
    for name, content in (("ab", "c"), ("a", "bc"), ("abc", "")):
        path = repo.write(name, content)
        seen.add(repo.read().fingerprint)
        path.unlink()
    assert len(seen) == 3


def test_a_file_that_may_not_be_read(repo: Repo) -> None:
    repo.write("locked").chmod(0)  # root may read it all the same: the answer is the same for both
    assert repo.read().changed == ("locked",)


def test_a_rename_record_has_two_paths() -> None:
    output = (
        b"# branch.oid (initial)\0# branch.head x\0"
        b"2 R. N... 100644 100644 100644 0123 0123 R100 new name\0old name\0? other\0"
    )
    assert parse(output).changes == (b"new name", b"other")


def test_nothing_printed() -> None:
    assert parse(b"").changes == ()
