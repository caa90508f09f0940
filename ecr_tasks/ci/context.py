"""What a CI system says of a run, in words that are the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CiContext:
    """One CI run as its environment tells it; None where it tells nothing. Nothing here was asked of git."""

    provider: str | None = None
    """github, gitlab, jenkins, circleci, buildkite, azure, bitbucket, codebuild, drone, woodpecker, teamcity or
    travis; None: no CI."""
    event: str | None = None
    """Why it runs: push, tag, pull_request, schedule or manual."""
    branch: str | None = None
    """The branch without ``refs/heads/``; a pull request's source branch; None when the run is for a tag."""
    tag: str | None = None
    """The tag without ``refs/tags/`` that the run is for."""
    sha: str | None = None
    """The commit that is meant: a pull request's head commit where the CI tells it, not the CI's merge of it."""
    pull_request: str | None = None
    """The number that people know the pull (or merge, or change) request by."""
    base_ref: str | None = None
    """A pull request's target branch."""
    fork: bool | None = None
    """Whether the pull request comes from another repository; None without a pull request, or when not told."""
    build_number: str | None = None
    """The run's number as the CI shows it; a re-run keeps it where the CI does."""
    attempt: str | None = None
    """Which attempt at this run it is, from 1, where the CI counts re-runs apart."""
    default_branch: str | None = None
    """The repository's default branch."""
    repository_url: str | None = None
    """The web address, without credentials, of the repository that the run belongs to."""
    build_url: str | None = None
    """The page that shows this run."""
    checkout: str | None = None
    """The commit that the CI checks out by itself, where that is not ``sha``: its merge of a pull request."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Field → the variable (or file and key) that it came from; only fields that are known."""


NO_CI = CiContext()
"""A laptop, or a CI system that is none of ours."""
