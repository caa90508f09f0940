"""The facts that Buildkite gives about a run. Source: Buildkite Docs, "Environment variables"."""

from __future__ import annotations

from ecr_tasks.ci.facts import Environ, Facts, attempt_after, event_of, events, is_fork
from ecr_tasks.ci.web_url import web_url

RUN_VARIABLES = ("BUILDKITE_ORGANIZATION_SLUG", "BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_NUMBER")

_EVENTS = events(push="webhook", schedule="schedule", manual="ui api")
"""The event for each BUILDKITE_SOURCE; ``trigger_job`` doesn't say what started the other pipeline."""


def read_facts(env: Environ) -> Facts:
    """Return what Buildkite's variables say about the run.

    BUILDKITE_COMMIT may be ``HEAD``: then the commit is unknown. BUILDKITE_BRANCH of a tag's build is the tag.
    """
    request = env.flag("BUILDKITE_PULL_REQUEST")  # "false" without a pull request
    tag = env.get("BUILDKITE_TAG")
    branch = env.get("BUILDKITE_BRANCH")
    if tag and branch and branch.value == tag.value and not request:
        branch = None
    return Facts(
        event=event_of(env.get("BUILDKITE_SOURCE"), _EVENTS, request, tag),
        # The branch of a fork is given as owner:branch; git allows no colon in a branch's name.
        branch=branch and branch.map(lambda name: name.rpartition(":")[2]),
        tag=tag,
        sha=env.get("BUILDKITE_COMMIT"),
        pull_request=request,
        base_ref=env.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH"),
        fork=is_fork(env.get("BUILDKITE_PULL_REQUEST_REPO", parse=web_url), env.get("BUILDKITE_REPO", parse=web_url)),
        build_number=env.get("BUILDKITE_BUILD_NUMBER"),
        attempt=env.get("BUILDKITE_RETRY_COUNT", parse=attempt_after),
        default_branch=env.get("BUILDKITE_PIPELINE_DEFAULT_BRANCH"),
        repository_url=env.get("BUILDKITE_REPO"),
        build_url=env.get("BUILDKITE_BUILD_URL"),
    )
