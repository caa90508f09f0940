"""The value that describes a run of a CI system, with the same fields for all systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from ecr_tasks.frozen import dataclass

ChangeKind = Literal["pull_request", "closed_pull_request", "merge_queue", "ref"]
"""``closed_pull_request``: the run of a closing, on the target's commit. ``merge_queue``: an entry of a queue, which
may have several pull requests in it. ``ref``: a ref that is neither a branch nor a tag, such as ``refs/for/main``."""


@dataclass(frozen=True)
class CiContext:
    """One CI run as its environment variables describe it, without git; None where they say nothing."""

    provider: str | None = None
    """github, gitlab, jenkins, circleci, buildkite, azure, bitbucket, codebuild, drone, woodpecker, teamcity or
    travis; None: no CI."""
    event: str | None = None
    """What started the run: push, tag, pull_request, schedule or manual. ``change`` doesn't depend on it."""
    change: ChangeKind | None = None
    """The kind of proposed change that the run belongs to (``ChangeKind``); None for a branch, a tag or unknown."""
    branch: str | None = None
    """The branch without ``refs/heads/``; a change's own branch. None when the run is for a tag."""
    tag: str | None = None
    """The tag without ``refs/tags/`` that the run is for."""
    sha: str | None = None
    """The commit that the run is for. For a change its last commit, not a merge commit made by the CI."""
    pull_request: str | None = None
    """The number of the pull request (GitLab: merge request, Gerrit: change) that its page shows. Without a change,
    that of a pull request which is open from the branch."""
    base_ref: str | None = None
    """A pull request's target branch; of a pushed tag, the branch that GitHub names."""
    fork: bool | None = None
    """Whether the pull request comes from another repository; None without a pull request, or when unknown."""
    build_number: str | None = None
    """The run's number as the CI shows it. A re-run has the same number if the CI counts attempts separately."""
    attempt: str | None = None
    """The number of the attempt at this run, from 1, if the CI counts attempts separately."""
    default_branch: str | None = None
    """The repository's default branch."""
    repository_url: str | None = None
    """The web address, without credentials, of the repository that the run belongs to."""
    build_url: str | None = None
    """The page that shows this run."""
    actor: str | None = None
    """Who started the run, as the CI's variables name them: by login where they have it."""
    checkout: str | None = None
    """The commit that the CI checks out, if it is not ``sha``: a pull request's merge commit."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """The variable (or file and key) that each known field came from."""


NO_CI = CiContext()
"""No CI: a laptop, or a system that is not in the table."""
