"""The branches and proposed changes of a remote repository, as `git ls-remote` lists them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.source.git.command import Git, NoRepositoryError, lines, text

_BRANCH = re.compile(r"refs/heads/(.+)")
_CHANGE = re.compile(r"refs/(?:pull|merge-requests|pull-requests)/([0-9]{1,18})/(head|merge|from)")
_GITHUB = re.compile(r"(?:https://|ssh://)?(?:[^/@]*@)?github\.com[:/]")


@dataclass(frozen=True)
class RemoteNames:
    """What a remote has now. ``branches`` maps names to commits, ``changes`` numbers to their commits.

    ``merged`` are the changes for which the code host holds a merge ready, as GitHub does for open ones;
    ``tells_open`` whether it does so at all.
    """

    branches: Mapping[str, str]
    changes: Mapping[int, str] = field(default_factory=dict)
    merged: frozenset[int] = frozenset()
    tells_open: bool = False

    def is_open(self, number: int) -> bool | None:
        """Return whether a proposed change is still open; None where the remote doesn't tell.

        It is while a branch has its commit, or the host has a merge of it ready. One of a fork has no branch here,
        so that without such merges nothing tells. A number that is gone from the list belongs to a change that was
        closed (GitLab removes the refs of those).
        """
        commit = self.changes.get(number)
        if number in self.merged or (commit is not None and commit in self.branches.values()):
            return True
        if commit is None:
            return False if self.changes and number < max(self.changes) else None
        return False if self.tells_open else None


def parse_ls_remote(output: str, url: str = "") -> RemoteNames:
    """Return what the lines of `git ls-remote` list."""
    branches: dict[str, str] = {}
    changes: dict[int, str] = {}
    merged: set[int] = set()
    for line in output.splitlines():
        commit, _, ref = line.partition("\t")
        if match := _BRANCH.fullmatch(ref):
            branches[match[1]] = commit
        elif match := _CHANGE.fullmatch(ref):
            if match[2] == "merge":
                merged.add(int(match[1]))
            else:
                changes[int(match[1])] = commit
    return RemoteNames(branches, changes, frozenset(merged), bool(merged) or _GITHUB.match(url) is not None)


def remote_names(project: Path, *, environ: Mapping[str, str]) -> RemoteNames:
    """Ask the project's remote for its branches and changes: ``origin``, or the only one that there is.

    Raises SettingsError where there is none, where it does not answer, and where it has no branch at all.
    """
    remedy = "Run it in a clone whose remote can be reached from here."
    try:
        git = Git.find(project, environ)
        remotes = [text(line) for line in lines(git.run("remote"))]
        remote = "origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else None
        if remote is None:
            raise SettingsError(f"{project} has no remote called origin to ask for its branches.", remedy)
        url = text(git.run("remote", "get-url", remote)).strip()
        names = parse_ls_remote(text(git.run("ls-remote", "--quiet", remote)), url)
    except NoRepositoryError as error:
        raise SettingsError(f"{project} is in no git repository, so nothing tells its branches.", remedy) from error
    if not names.branches:
        raise SettingsError(f"The remote {remote} lists no branch at all.", remedy)
    return names
