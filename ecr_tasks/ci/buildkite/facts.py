"""The facts that Buildkite gives about a run.

Source: Buildkite Docs, "Environment variables".
"""

from __future__ import annotations

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, attempt_after, event_of, make_context
from ecr_tasks.ci.web_url import web_url

_EVENTS = {"webhook": "push", "schedule": "schedule", "ui": "manual", "api": "manual"}
"""The event for each BUILDKITE_SOURCE; ``trigger_job`` leaves open what started the other pipeline."""


def marker(env: Environ) -> Fact | None:
    """Return BUILDKITE, which is true in every job."""
    return env.flag("BUILDKITE")


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what Buildkite's variables say about the run.

    BUILDKITE_COMMIT may be ``HEAD``: then the commit is unknown. BUILDKITE_BRANCH of a tag's build is the tag.
    """
    request = env.flag("BUILDKITE_PULL_REQUEST")  # "false" without a pull request
    tag = env.get("BUILDKITE_TAG")
    branch = env.get("BUILDKITE_BRANCH")
    if tag and branch and branch.value == tag.value and not request:
        branch = None
    retries = env.get("BUILDKITE_RETRY_COUNT")
    return make_context(
        provider,
        event=event_of(env.get("BUILDKITE_SOURCE"), _EVENTS, request, tag),
        # The branch of a fork is given as owner:branch; git allows no colon in a branch's name.
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


def _fork(env: Environ) -> Fact | None:
    source, target = env.get("BUILDKITE_PULL_REQUEST_REPO"), env.get("BUILDKITE_REPO")
    if source is None or target is None:
        return None
    addresses = [(web_url(item.value) or "").lower() for item in (source, target)]
    if not all(addresses):
        return None
    return Fact("false" if addresses[0] == addresses[1] else "true", source.origin)
