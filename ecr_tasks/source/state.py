"""What is being built, as git knows it: the frozen facts from which tags, labels and the plan are decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class SourceState:
    """Where the project's sources are; every field says what "unknown" looks like.

    The facts are git's own. A CI system's adapter, when there is one, fills in what that system's way of
    checking out hides from git: a detached HEAD's branch, a shallow clone's tag.
    """

    root: Path | None
    """The top of the work tree; None where there is no repository."""
    revision: str | None
    """The full commit id; None without a repository or before the first commit."""
    branch: str | None
    """The branch without ``refs/heads/``; None when HEAD is detached."""
    tag: str | None
    """The revision's own tag: the highest semver one, else the first by name; None without a tag."""
    tags: tuple[str, ...]
    """Every tag that points at the revision, by name."""
    release_tags: tuple[str, ...]
    """Every semver tag of the repository (``v`` allowed, pre-releases too), the lowest version first."""
    dirty: bool
    """Whether a tracked file is changed, or one is neither tracked nor ignored, anywhere in the work tree."""
    changed: tuple[str, ...]
    """A few (at most ten) of the paths that make it dirty, relative to ``root``, for people to read."""
    commit_time: datetime | None
    """When the revision was committed, in UTC; None without a revision."""
    remote_url: str | None
    """The repository's web address, without credentials; None without a remote or when it is a local path."""
    default_branch: str | None
    """The remote's default branch as the clone remembers it (``refs/remotes/origin/HEAD``)."""
    shallow: bool
    """Whether the clone has only part of the history, so that tags may be missing."""
    fingerprint: str | None
    """Equal for equal sources: the revision, with a hash of the changes when dirty; None: no repository."""
