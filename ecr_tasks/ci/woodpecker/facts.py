"""Woodpecker.

Sources: Woodpecker Docs, "Environment variables"; its pipeline/frontend/metadata/environment.go for what each
one is made of, and server/forge/*/ for what a tag's branch is.
"""

from __future__ import annotations

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, attempt_after, context, why

_EVENTS = {
    "push": "push",
    "tag": "push",
    "release": "push",  # of a tag
    "pull_request": "pull_request",
    "pull_request_closed": "pull_request",
    "pull_request_metadata": "pull_request",
    "cron": "schedule",
    "manual": "manual",
}


def here(env: Environ) -> Fact | None:
    """CI is not ``true`` here but the system's name."""
    names = (env.get("CI"), env.get("CI_SYSTEM_NAME"))
    return next((name for name in names if name and name.value == "woodpecker"), None)


def read(env: Environ, provider: Fact) -> CiContext:
    """CI_COMMIT_BRANCH is a pull request's target, and on a tag the forge's guess at where it was set.

    The names in second place are those of Woodpecker before 1.0.
    """
    request = env.get("CI_COMMIT_PULL_REQUEST")
    tag = env.get("CI_COMMIT_TAG")
    reruns = env.get("CI_PIPELINE_RERUNS")
    return context(
        provider,
        event=why(env.get("CI_PIPELINE_EVENT", "CI_BUILD_EVENT"), _EVENTS, request, tag),
        branch=env.get("CI_COMMIT_SOURCE_BRANCH") if request else None if tag else env.get("CI_COMMIT_BRANCH"),
        tag=tag,
        sha=env.get("CI_COMMIT_SHA"),
        pull_request=request,
        base_ref=env.get("CI_COMMIT_TARGET_BRANCH", "CI_COMMIT_BRANCH"),
        build_number=env.get("CI_PIPELINE_NUMBER", "CI_BUILD_NUMBER"),
        attempt=reruns and reruns.map(attempt_after),
        default_branch=env.get("CI_REPO_DEFAULT_BRANCH"),
        repository_url=env.get("CI_REPO_URL", "CI_REPO_LINK"),
        build_url=env.get("CI_PIPELINE_URL", "CI_BUILD_LINK"),
    )
