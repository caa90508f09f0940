"""The entries of git's index that `git status` does not check: submodules, and files with a flag that hides them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ecr_tasks.frozen import dataclass
from ecr_tasks.source.git.blob import blob_id, kind_of
from ecr_tasks.source.git.command import Git, lines, text
from ecr_tasks.source.git.status import SUBMODULE, status

_KINDS = {b"100644": "file", b"100755": "exec", b"120000": "link"}
"""Git's file modes (gitformat-index(5))."""

_SHA256_DIGITS = 64


@dataclass(frozen=True)
class Unchecked:
    """The paths (in git's bytes, from the top) that can differ from the commit while `git status` is empty.

    ``absent`` are files that a sparse checkout leaves out. ``changed`` are files that differ although git was told to
    take them as unchanged; such a submodule has a slash at its end. ``submodules`` are all submodules of the
    repository itself, checked out or not.
    """

    submodules: tuple[bytes, ...] = ()
    absent: tuple[bytes, ...] = ()
    changed: tuple[bytes, ...] = ()


INDEX = ("ls-files", "--stage", "-v", "-z")
"""The arguments, for git at the top, whose output :func:`unchecked` reads."""


def unchecked(git: Git, root: Path, index: bytes | None = None) -> Unchecked:
    """Return the unchecked entries of the repository whose top is ``root``. Starts git once, or twice with flags.

    The flags are those of `git update-index --assume-unchanged` and `--skip-worktree`; sparse checkouts set the
    second (git-ls-files(1), ``-v``). ``index`` is git's output for ``INDEX``, where it was asked before.
    """
    git = Git(git.program, root, git.environ)
    submodules, absent, deleted, differing = [], [], [], []
    present: dict[bytes, tuple[bytes, bytes]] = {}
    for record in lines(git.run(*INDEX) if index is None else index, b"\0"):
        is_hidden = record[:1] == b"S" or record[:1].islower()
        if record[2:8] == SUBMODULE:
            entry, _, path = record.partition(b"\t")
            submodules.append(path)
            folder = root / os.fsdecode(path)
            # Its own .gitmodules may hide changes of those within it, also from git's look at it.
            is_hidden = is_hidden or (folder / ".gitmodules").is_file()
            if is_hidden and _differs(Git(git.program, folder, git.environ), entry.split(b" ")[2]):
                differing.append(path + b"/")
        elif is_hidden:
            entry, _, path = record.partition(b"\t")
            if os.path.lexists(root / os.fsdecode(path)):
                present[path] = entry.split(b" ")[1], entry.split(b" ")[2]
            elif record[:1] in (b"S", b"s"):
                absent.append(path)
            else:
                deleted.append(path)
    return Unchecked(tuple(submodules), tuple(absent), (*deleted, *differing, *_differing(git, root, present)))


def _differs(submodule: Git, commit: bytes) -> bool:
    """Return whether a submodule is at another commit, has changes, or is gone; False where it isn't checked out."""
    if submodule.folder.is_symlink():
        return True
    if not is_checked_out(submodule.folder):
        return not submodule.folder.is_dir()
    found = status(submodule)
    return found.revision != text(commit) or bool(found.changes or unchecked(submodule, submodule.folder).changed)


def _differing(git: Git, root: Path, entries: dict[bytes, tuple[bytes, bytes]]) -> list[bytes]:
    """Return those of the present files that differ from the index, by content or by kind."""
    differing: list[bytes] = []
    converted: list[bytes] = []
    for path, (mode, blob) in entries.items():
        file = root / os.fsdecode(path)
        kind = kind_of(file.lstat().st_mode)
        if kind != _KINDS.get(mode):
            differing.append(path)
            continue
        assert kind is not None  # noqa: S101 - the index has no other kinds
        algorithm = "sha256" if len(blob) == _SHA256_DIGITS else "sha1"
        if blob_id(file, kind, algorithm).encode() != blob:
            (differing if kind == "link" or b"\n" in path else converted).append(path)
    # Git stores some files with other bytes than those in the work tree (line ends, filters).
    stdin = b"".join(path + b"\n" for path in converted)
    output = git.run("hash-object", "--stdin-paths", exit_codes=(0, 128), stdin=stdin).split() if converted else []
    stored = output if len(output) == len(converted) else [b""] * len(converted)
    return differing + [path for path, blob in zip(converted, stored, strict=True) if blob != entries[path][1]]


def is_checked_out(submodule: Path) -> bool:
    """Return whether the folder of a submodule is a work tree of its own; a folder without ``.git`` is none."""
    try:
        return stat.S_IFMT((submodule / ".git").lstat().st_mode) in (stat.S_IFDIR, stat.S_IFREG)
    except OSError:
        return False
