"""Branches, and whether a commit is on one; the remote's branch is used if the clone has it, else the local one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.frozen import dataclass
from ecr_tasks.source.git.command import Git, NoRepositoryError, lines, text

Membership = Literal["yes", "no", "unknown", "shallow"]
"""``unknown``: this clone doesn't have the commit. ``shallow``: it doesn't have enough history."""

_HEADS, _REMOTES = "refs/heads/", "refs/remotes/"
_COMMIT = r"[0-9a-f]{40}|[0-9a-f]{64}"
SHOWN = 8
"""The highest number of branches that an error message names."""


@dataclass(frozen=True)
class Branch:
    """An existing branch; ``ref`` is its full name, such as ``refs/remotes/origin/main``."""

    name: str
    ref: str
    git: Git

    @property
    def shown(self) -> str:
        """Return the branch as messages show it: ``main``, or ``main (origin/main)`` for a remote's branch."""
        short = self.ref.removeprefix(_HEADS).removeprefix(_REMOTES)
        return self.name if short == self.name else f"{self.name} ({short})"

    def contains(self, revision: str) -> Membership:
        """Return whether the commit ``revision`` is the branch's head or one of its ancestors.

        A ``revision`` that is no full commit id counts as missing. In a shallow clone the result is never "no".
        """
        exists = re.fullmatch(_COMMIT, revision) is not None and self.git.test(
            *("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        )
        if exists and self.git.test("merge-base", "--is-ancestor", revision, self.ref):
            return "yes"
        if self.git.run("rev-parse", "--is-shallow-repository").strip() == b"true":
            return "shallow"
        return "no" if exists else "unknown"


def find_branch(project: Path, name: str, *, environ: Mapping[str, str]) -> Branch:
    """Return a branch of the repository that the folder ``project`` is in.

    Raises SettingsError if there is no repository or no such branch.
    """
    try:
        git = Git.find(project, environ)
        fields = "%(refname)%00%(upstream:remotename)"
        records = lines(git.run("for-each-ref", f"--format={fields}", _HEADS, _REMOTES))
    except NoRepositoryError as error:
        raise SettingsError(
            f"{project} is in no git repository, so nothing tells which commits are on the branch {name}.",
            "Run it in the project's clone, or leave --from-branch out.",
        ) from error
    remotes = dict(text(line).split("\0", 1) for line in records)
    ref = branch_ref(remotes, name)
    if ref is None:
        raise _no_branch(remotes, name)
    return Branch(name, ref, git)


def branch_ref(refs: Mapping[str, str], name: str) -> str | None:
    """Return the ref of a branch, or None. ``refs`` maps each ref to its upstream remote ("" or "." for none).

    The remote's branch is preferred to the local one, because the local one may have commits that were never pushed.
    """
    remote = refs.get(_HEADS + name) or "origin"
    others = [ref for ref in refs if ref.startswith(_REMOTES) and ref.split("/", 3)[3:] == [name]]
    candidates = [f"{_REMOTES}{remote}/{name}", f"{_REMOTES}origin/{name}"]
    candidates += others if len(others) == 1 else []
    candidates += [_HEADS + name, _REMOTES + name]
    return next((ref for ref in candidates if name and ref in refs), None)


def _no_branch(refs: Mapping[str, str], name: str) -> SettingsError:
    names = {ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else ref.split("/", 3)[-1] for ref in refs}
    branches = sorted(names - {"HEAD"})
    similar = nearest(name, branches, cutoff=0.6)
    listed = ", ".join(branches[:SHOWN]) + (", …" if len(branches) > SHOWN else "")
    hint = f" (did you mean {similar}?)" if similar else ""
    return SettingsError(
        f"git knows no branch {name[:200]!r} here{hint}; it knows {listed or 'none at all'}.",
        "Correct --from-branch, or fetch the branch (a CI's checkout may have brought only one).",
    )
