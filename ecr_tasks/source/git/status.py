"""The status of a work tree: its revision, its branch and the changed paths."""

from __future__ import annotations

from collections.abc import Iterable

from ecr_tasks.frozen import dataclass
from ecr_tasks.source.git.command import Git, lines, text

TOOL_FOLDER = b".ecr-tasks"
"""This package's output folder. Changes in it are left out, even when its own .gitignore is missing."""

STATUS = (
    *("status", "--porcelain=v2", "--branch", "-z"),
    *("--untracked-files=all", "--ignored=matching", "--ignore-submodules=none", "--no-renames"),
)
"""The arguments whose output :func:`parse` reads."""

_FIELDS_BEFORE_PATH = {b"1": 8, b"2": 9, b"u": 10}
"""The number of fields before the path by kind of record (porcelain v2); the path itself may contain spaces."""


SUBMODULE = b"160000"
"""Git's mode of a submodule (gitformat-index(5))."""


@dataclass(frozen=True)
class Status:
    """HEAD and the paths (in git's bytes) that differ from it; before the first commit ``revision`` is None.

    A submodule, also one that is gone, has a slash at its end, as git gives it to a repository that it doesn't track.
    ``gitignored`` are those that git ignores, a folder in place of all that it has.
    """

    revision: str | None
    branch: str | None
    changes: tuple[bytes, ...]
    gitignored: tuple[bytes, ...] = ()


def status(git: Git) -> Status:
    """Return the status of the whole work tree, even when ``git`` runs in a subfolder.

    It lists every untracked file, because the fingerprint covers their content. Settings that would hide changes
    (status.showUntrackedFiles, submodule.*.ignore) are overridden, because the files are built nevertheless.
    """
    return parse(git.run(*STATUS))


def parse(output: bytes) -> Status:
    """Parse the output of ``git status --porcelain=v2 --branch -z`` (git-status(1), "Porcelain Format Version 2")."""
    revision: str | None = None
    branch: str | None = None
    changes: list[bytes] = []
    gitignored: list[bytes] = []
    records = iter(lines(output, b"\0"))
    for record in records:
        kind, _, rest = record.partition(b" ")
        if kind == b"#":
            name, _, value = rest.partition(b" ")
            if name == b"branch.oid" and value != b"(initial)":
                revision = text(value)
            elif name == b"branch.head" and value != b"(detached)":
                branch = text(value)
        elif kind == b"?":
            changes.append(rest)
        elif kind == b"!":
            gitignored.append(rest)
        elif kind in _FIELDS_BEFORE_PATH:
            *fields, path = record.split(b" ", _FIELDS_BEFORE_PATH[kind])
            changes.append(path + b"/" if SUBMODULE in fields else path)
            if kind == b"2":
                next(records)  # the path before a rename
    return Status(revision, branch, without_tool_folder(changes), without_tool_folder(gitignored))


def without_tool_folder(paths: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the paths that are not in this package's output folder."""
    return tuple(path for path in paths if TOOL_FOLDER not in path.split(b"/"))
