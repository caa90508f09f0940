"""Whether a commit is on a branch, as git knows it: the remote's branch where a clone has one, else the local one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.source.git.command import Git, NoRepositoryError, lines, text

Membership = Literal["yes", "no", "unknown", "shallow"]
"""``unknown``: this clone has no such commit. ``shallow``: it has not the history that would tell."""

_HEADS, _REMOTES = "refs/heads/", "refs/remotes/"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHOWN = 8
"""How many branches an error names."""


@dataclass(frozen=True)
class Branch:
    """A branch that is there; ``ref`` is where git looks, such as ``refs/remotes/origin/main``."""

    name: str
    ref: str
    git: Git

    @property
    def shown(self) -> str:
        """``main``, or ``main (origin/main)`` where it is a remote's."""
        short = self.ref.removeprefix(_HEADS).removeprefix(_REMOTES)
        return self.name if short == self.name else f"{self.name} ({short})"

    def has(self, revision: str) -> Membership:
        """Whether the commit ``revision``, a full id, is the branch's head or one of its ancestors.

        Anything but a full id is unknown. In a shallow clone a yes is sure and a no is not.
        """
        known = _COMMIT.fullmatch(revision) is not None and self.git.test(
            *("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        )
        if known and self.git.test("merge-base", "--is-ancestor", revision, self.ref):
            return "yes"
        if self.git.run("rev-parse", "--is-shallow-repository").strip() == b"true":
            return "shallow"
        return "no" if known else "unknown"


def find_branch(project: Path, name: str, *, environ: Mapping[str, str]) -> Branch:
    """The branch of the repository that the folder ``project`` is in.

    SettingsError where there is no repository or no such branch.
    """
    try:
        git = Git.find(project, environ)
        fields = "%(refname)%00%(upstream:remotename)"
        listed = lines(git.run("for-each-ref", f"--format={fields}", _HEADS, _REMOTES))
    except NoRepositoryError as error:
        raise SettingsError(
            f"{project} is in no git repository, so nothing tells which commits are on the branch {name}.",
            "Run it in the project's clone, or leave --from-branch out.",
        ) from error
    remotes = dict(text(line).split("\0", 1) for line in listed)
    ref = chosen_ref(remotes, name)
    if ref is None:
        raise _no_branch(remotes, name)
    return Branch(name, ref, git)


def chosen_ref(refs: Mapping[str, str], name: str) -> str | None:
    """Where to look for a branch, of all refs and the remote that each local branch follows ("" or "." for none).

    The remote's branch counts before the local one, which may hold commits that nobody has seen yet.
    """
    remote = refs.get(_HEADS + name) or "origin"
    others = [ref for ref in refs if ref.startswith(_REMOTES) and ref.split("/", 3)[3:] == [name]]
    candidates = [f"{_REMOTES}{remote}/{name}", f"{_REMOTES}origin/{name}"]
    candidates += others if len(others) == 1 else []
    candidates += [_HEADS + name, _REMOTES + name]
    return next((ref for ref in candidates if name and ref in refs), None)


def _no_branch(refs: Mapping[str, str], name: str) -> SettingsError:
    names = {ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else ref.split("/", 3)[-1] for ref in refs}
    known = sorted(names - {"HEAD"})
    meant = nearest(name, known, cutoff=0.6)
    listed = ", ".join(known[:SHOWN]) + (", …" if len(known) > SHOWN else "")
    there = f" (did you mean {meant}?)" if meant else ""
    return SettingsError(
        f"git knows no branch {name[:200]!r} here{there}; it knows {listed or 'none at all'}.",
        "Correct --from-branch, or fetch the branch (a CI's checkout may have brought only one).",
    )
