"""The facts that Buildkite gives about a run. Source: Buildkite Docs, "Environment variables"."""

from __future__ import annotations

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ
from ecr_tasks.ci.facts import Facts, attempt_after, events, group, is_fork
from ecr_tasks.ci.web_url import web_url

RUN_VARIABLES = ("BUILDKITE_ORGANIZATION_SLUG", "BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_NUMBER")

_EVENTS = events(push="webhook", schedule="schedule", manual="ui api")
"""The event for each BUILDKITE_SOURCE; ``trigger_job`` doesn't say what started the other pipeline."""


def read_facts(env: Environ) -> Facts:
    """Return what Buildkite's variables say about the run.

    BUILDKITE_COMMIT may be ``HEAD``: then the commit is unknown. BUILDKITE_BRANCH of a tag's build is the tag. A
    person or an API can enter any branch, also ``pull/5/head``, which git fetches like ``refs/pull/5/head``.
    """
    branch = env.get("BUILDKITE_BRANCH")
    target = env.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH")
    # The branch of a fork is given as owner:branch; git allows no colon in a branch's name.
    of_fork = env.get("BUILDKITE_BRANCH", parse=group(r":(.+)$"))
    return Facts(
        cause=env.get("BUILDKITE_SOURCE", parse=_EVENTS.get),
        branch=branch,
        tag=env.get("BUILDKITE_TAG"),
        commit=env.get("BUILDKITE_COMMIT"),
        change=find_change(
            numbers=[env.flag("BUILDKITE_PULL_REQUEST")],  # "false" without a pull request
            refs=[env.get("BUILDKITE_REFSPEC", parse=group(r"^\+?([^:]*)")), branch],
            names=[branch],
            signs=[target, env.get("BUILDKITE_PULL_REQUEST_REPO"), of_fork],
            queue=env.get("BUILDKITE_MERGE_QUEUE_BASE_BRANCH", "BUILDKITE_MERGE_QUEUE_BASE_COMMIT"),
        ),
        source_branch=of_fork or branch,
        head=env.get("BUILDKITE_COMMIT"),
        base_ref=target or env.get("BUILDKITE_MERGE_QUEUE_BASE_BRANCH"),
        fork=is_fork(env.get("BUILDKITE_PULL_REQUEST_REPO", parse=web_url), env.get("BUILDKITE_REPO", parse=web_url)),
        build_number=env.get("BUILDKITE_BUILD_NUMBER"),
        attempt=env.get("BUILDKITE_RETRY_COUNT", parse=attempt_after),
        default_branch=env.get("BUILDKITE_PIPELINE_DEFAULT_BRANCH"),
        repository_url=env.get("BUILDKITE_REPO"),
        build_url=env.get("BUILDKITE_BUILD_URL"),
        actor=env.get("BUILDKITE_UNBLOCKER", "BUILDKITE_BUILD_CREATOR"),
    )
