"""What is being built, as git and CI know it: the frozen facts from which tags, labels and the plan are decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class SourceState:
    """Where the project's sources are; every field says what "unknown" looks like.

    The facts are git's own, and what a CI system's way of checking out hides from git: a detached HEAD's branch,
    a shallow clone's tag (``ci.merge``).
    """

    root: Path | None
    """The top of the work tree; None where there is no repository."""
    revision: str | None
    """The full id of the commit that is checked out and built, for a pull request perhaps the CI's own merge
    commit; None without a repository or before the first commit."""
    branch: str | None
    """The branch without ``refs/heads/``, a pull request's source branch; None when neither HEAD nor CI tells."""
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
    """CI's word, else the remote's default branch as the clone remembers it (``refs/remotes/origin/HEAD``)."""
    shallow: bool
    """Whether the clone has only part of the history, so that tags may be missing."""
    fingerprint: str | None
    """Equal for equal sources: the revision, with a hash of the changes when dirty; None: no repository."""
    ci: str | None = None
    """The CI system, by ``CiContext.provider``'s names; None: no CI."""
    event: str | None = None
    """Why CI runs: push, tag, pull_request, schedule or manual; None without CI or when it does not tell."""
    pull_request: str | None = None
    """The pull request's number; None when the run is for none."""
    base_ref: str | None = None
    """The pull request's target branch."""
    build_number: str | None = None
    """The CI run's number."""
    build_url: str | None = None
    """The page that shows the CI run."""
    head: str | None = None
    """The pull request's head commit, as CI tells it; ``revision`` may be a merge of it into the target branch."""
    parents: tuple[str, ...] = ()
    """The revision's parents, also where a shallow clone has none of them."""
    origins: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Field → what told it, where that was CI or where CI and git disagree; a field that is not here is git's."""

    @property
    def is_pull_request(self) -> bool:
        """Whether the run belongs to a pull request, whatever started it: a person may run one's build again."""
        return self.event == "pull_request" or bool(self.pull_request)
