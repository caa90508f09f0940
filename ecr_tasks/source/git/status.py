"""Reads what ``git status`` prints: the revision, the branch and what is changed."""

from __future__ import annotations

from dataclasses import dataclass

from ecr_tasks.source.git.command import Git, lines, text

TOOL_FOLDER = b".ecr-tasks"
"""Our own output folder ignores itself in git; without its .gitignore it is still no change."""

_FIELDS_BEFORE_PATH = {b"1": 8, b"2": 9, b"u": 10}
"""Porcelain v2: how many spaces come before the path, which may hold spaces itself."""


@dataclass(frozen=True)
class Status:
    """HEAD, and the paths (in git's bytes) that differ from it; no ``revision`` before the first commit."""

    revision: str | None
    branch: str | None
    changes: tuple[bytes, ...]


def status(git: Git) -> Status:
    """The status of the whole work tree, wherever in it ``git`` stands.

    Every untracked file is named, since its content belongs to the fingerprint. Settings that would hide
    changes (status.showUntrackedFiles, submodule.*.ignore) have no say: the files are built all the same.
    """
    return parse(
        git.run(
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--untracked-files=all",
            "--ignore-submodules=none",
            "--no-renames",
        )
    )


def parse(output: bytes) -> Status:
    """Reads ``git status --porcelain=v2 --branch -z`` (git-status(1), "Porcelain Format Version 2")."""
    revision: str | None = None
    branch: str | None = None
    changes: list[bytes] = []
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
        elif kind in _FIELDS_BEFORE_PATH:
            changes.append(record.split(b" ", _FIELDS_BEFORE_PATH[kind])[-1])
            if kind == b"2":
                next(records)  # where it was renamed from
    return Status(revision, branch, tuple(path for path in changes if TOOL_FOLDER not in path.split(b"/")))
