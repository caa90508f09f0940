"""Buildkite.

Source: Buildkite Docs, "Environment variables".
"""

from __future__ import annotations

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, attempt_after, context, why
from ecr_tasks.ci.web_url import web_url

_EVENTS = {"webhook": "push", "schedule": "schedule", "ui": "manual", "api": "manual"}
"""BUILDKITE_SOURCE; ``trigger_job`` does not say what started the other pipeline."""


def here(env: Environ) -> Fact | None:
    """BUILDKITE is true in every job."""
    return env.flag("BUILDKITE")


def read(env: Environ, provider: Fact) -> CiContext:
    """BUILDKITE_COMMIT may be ``HEAD``, then it is unknown; BUILDKITE_BRANCH of a tag's build is the tag."""
    request = _request(env)
    tag = env.get("BUILDKITE_TAG")
    branch = env.get("BUILDKITE_BRANCH")
    if tag and branch and branch.value == tag.value and not request:
        branch = None
    retries = env.get("BUILDKITE_RETRY_COUNT")
    return context(
        provider,
        event=why(env.get("BUILDKITE_SOURCE"), _EVENTS, request, tag),
        # A fork's branch comes as owner:branch; git allows no colon in a name.
        branch=branch and branch.map(lambda name: name.rpartition(":")[2]),
        tag=tag,
        sha=env.get("BUILDKITE_COMMIT"),
        pull_request=request,
        base_ref=env.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH"),
        fork=_fork(env),
        build_number=env.get("BUILDKITE_BUILD_NUMBER"),
        attempt=retries and retries.map(attempt_after),
        default_branch=env.get("BUILDKITE_PIPELINE_DEFAULT_BRANCH"),
        repository_url=env.get("BUILDKITE_REPO"),
        build_url=env.get("BUILDKITE_BUILD_URL"),
    )


def _request(env: Environ) -> Fact | None:
    """``false`` when it is for none."""
    return env.flag("BUILDKITE_PULL_REQUEST")


def _fork(env: Environ) -> Fact | None:
    theirs, ours = env.get("BUILDKITE_PULL_REQUEST_REPO"), env.get("BUILDKITE_REPO")
    if theirs is None or ours is None:
        return None
    addresses = [(web_url(item.value) or "").lower() for item in (theirs, ours)]
    if not all(addresses):
        return None
    return Fact("false" if addresses[0] == addresses[1] else "true", theirs.origin)
