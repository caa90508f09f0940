"""How two commits of a clone are related, to tell which of two images is newer."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.source.git.command import Git, NoRepositoryError, lines, text
from ecr_tasks.source.git.status import SUBMODULE

Relation = Literal["newer", "older", "unrelated", "unknown"]
"""How another commit is related to ours: its descendant, its ancestor, neither, or not known to this clone."""

_COMMIT = r"[0-9a-f]{40}|[0-9a-f]{64}"
_BEGINNING = r"[0-9a-f]{7,64}"


def relation(project: Path, revision: str, other: str, *, environ: Mapping[str, str]) -> Relation:
    """Return how the commit ``other`` is related to ``revision`` in the repository of the folder ``project``.

    ``other`` may be the beginning of an id. It is "unknown" for a commit that the clone doesn't have, and where a
    shallow clone ends before it can tell. Nothing is fetched, and nothing is raised: an image can be published
    without the answer.
    """
    if not (re.fullmatch(_COMMIT, revision) and re.fullmatch(_BEGINNING, other)):
        return "unknown"
    try:
        git = _without_fetching(project, environ)
        if not re.fullmatch(_COMMIT, other):
            beginning = other
            other = text(git.run("rev-parse", "--verify", "--quiet", f"{other}^{{commit}}").strip())
            if not other.startswith(beginning):  # a branch or tag of that name
                return "unknown"
        # Of two commits of which one descends from the other, that other one is the only merge base. git ends with 1
        # where there is none, and with 128 for a commit that the clone doesn't have.
        base = text(git.run("merge-base", revision, other, exit_codes=(0, 1)).strip())
        if base == revision:
            return "newer"
        if base == other:
            return "older"
        shallow = git.run("rev-parse", "--is-shallow-repository").strip() == b"true"
        return "unknown" if shallow else "unrelated"
    except (EcrTasksError, NoRepositoryError):
        return "unknown"


def changed_paths(project: Path, commit: str, revision: str, *, environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the paths in which two commits differ, from the repository's top; None where the clone lacks one.

    ``commit`` may be the beginning of an id. A submodule with another commit, or that one of them lacks, is one path
    with a slash at its end.
    """
    if not re.fullmatch(_BEGINNING, commit):
        return None
    try:
        git = _without_fetching(project, environ)
        full = text(git.run("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").strip())
        if not full.startswith(commit):  # a branch or tag of that name
            return None
        output = git.run(
            *("diff-tree", "-r", "--raw", "--abbrev=7", "--no-renames", "--ignore-submodules=none", "-z"),
            *(full, revision),
        )
    except (EcrTasksError, NoRepositoryError):
        return None
    # For each path ":100644 160000 1a2b3c4 4c3b2a1 T", then the path (git-diff-tree(1), "Raw output format").
    fields = lines(output, b"\0")
    changed = zip(fields[::2], fields[1::2], strict=True)
    return tuple(
        os.fsdecode(path) + ("/" if SUBMODULE in record[1:14].split(b" ") else "") for record, path in changed
    )


def _without_fetching(project: Path, environ: Mapping[str, str]) -> Git:
    """Return git for a folder; a partial clone would fetch what it lacks (git help git, GIT_NO_LAZY_FETCH)."""
    found = Git.find(project, environ)
    return Git(found.program, found.folder, {**found.environ, "GIT_NO_LAZY_FETCH": "1"})
