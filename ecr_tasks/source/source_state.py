"""The state of the source that is built, from git and CI. Tags, labels and the plan depend on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path

from ecr_tasks.ci.context import ChangeKind
from ecr_tasks.frozen import dataclass

_CHANGES: Mapping[ChangeKind, str] = {
    "pull_request": "pull request",
    "closed_pull_request": "closed pull request",
    "merge_queue": "merge queue's entry",
    "ref": "ref that is neither a branch nor a tag",
}


@dataclass(frozen=True)
class SourceState:
    """The state of a project's source; ``SourceState()`` is that of a folder in no repository.

    The facts are git's, and the CI's for what git can't see in a CI's checkout, such as the branch of a detached HEAD
    or the tag of a shallow clone (``merge_ci``).
    """

    root: Path | None = None
    """The top of the work tree; None where there is no repository."""
    revision: str | None = None
    """The full id of the commit that is checked out and built; for a pull request it may be the CI's own merge
    commit. None without a repository or before the first commit."""
    branch: str | None = None
    """The branch without ``refs/heads/``; a change's own branch. None when neither HEAD nor CI has one."""
    tag: str | None = None
    """The revision's own tag: the highest semver one, else the first by name; None without a tag."""
    tags: tuple[str, ...] = ()
    """Every tag that points at the revision, sorted by name."""
    release_tags: tuple[str, ...] = ()
    """Every semver tag of the repository (``v`` allowed, pre-releases too), the lowest version first."""
    repository_tags: tuple[str, ...] = ()
    """Every tag of the repository, sorted by name."""
    dirty: bool = False
    """Whether the work tree has a changed file, or a new one that git doesn't ignore."""
    changed: tuple[str, ...] = ()
    """At most ten of the changed paths, relative to ``root``, for messages."""
    changes: tuple[str, ...] = ()
    """Every changed path, relative to ``root``; a submodule or nested repository is one path with a slash at its
    end."""
    rewritten: tuple[str, ...] = ()
    """Those of ``changes`` that git calls unchanged, because it stores what a clone has (line ends, filters)."""
    absent: tuple[str, ...] = ()
    """The files of the commit that a sparse checkout leaves out, relative to ``root``."""
    gitignored: tuple[str, ...] = ()
    """The paths that git ignores, relative to ``root``; a folder in place of all that it has. Those of a submodule
    are not here (``git.read.ignored_in``)."""
    submodules: tuple[str, ...] = ()
    """The submodules of the repository itself, relative to ``root``, checked out or not."""
    outside: tuple[str, ...] = ()
    """The contexts and Dockerfiles outside of ``root`` that an image is built from: no revision has their content."""
    ignored: tuple[str, ...] = ()
    """The changed paths that don't count because of ECR_DIRTY_IGNORE, for messages."""
    commit_time: datetime | None = None
    """When the revision was committed, in UTC; None without a revision."""
    remote_url: str | None = None
    """The repository's web address, without credentials; None without a remote or when it is a local path."""
    remotes: tuple[str, ...] = ()
    """The names of the clone's remotes."""
    default_branch: str | None = None
    """CI's default branch, else the remote's in the clone (``refs/remotes/origin/HEAD``)."""
    shallow: bool = False
    """Whether the clone has only a part of the history, so that tags may be missing."""
    fingerprint: str | None = None
    """Equal for equal sources: the revision, with a hash of the changes when dirty. None without a repository."""
    ci: str | None = None
    """The CI system's name (``CiContext.provider``); None without CI."""
    event: str | None = None
    """Why CI runs: push, tag, pull_request, schedule or manual. None without CI or if it doesn't tell."""
    change: ChangeKind | None = None
    """The kind of proposed change that the run belongs to; None when it is for a branch or a tag, or on a laptop."""
    pull_request: str | None = None
    """The change's number; None when the run is not for one, or when it has none."""
    base_ref: str | None = None
    """The pull request's target branch."""
    build_number: str | None = None
    """The CI run's number."""
    build_url: str | None = None
    """The page that shows the CI run."""
    head: str | None = None
    """The pull request's head commit, from CI; ``revision`` may be a merge of it into the target branch."""
    parents: tuple[str, ...] = ()
    """The ids of the revision's parents, also where a shallow clone doesn't have these commits."""
    origins: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Field → the variable that it comes from, or how CI and git disagree; all other fields come from git."""

    @property
    def is_change(self) -> bool:
        """Return whether the run belongs to a proposed change, whatever started it."""
        return self.change is not None or self.event == "pull_request" or bool(self.pull_request)

    @property
    def change_name(self) -> str | None:
        """Return the kind of change in words, with the variable that told it; None when the run belongs to none."""
        if not self.is_change:
            return None
        variable = self.origins.get("change")
        return _CHANGES[self.change or "pull_request"] + (f" ({variable})" if variable else "")
