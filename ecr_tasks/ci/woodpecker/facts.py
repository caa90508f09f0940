"""The facts that Woodpecker gives about a run.

Sources: Woodpecker Docs, "Environment variables"; its pipeline/frontend/metadata/environment.go for what each
variable contains, and server/forge/*/ for the branch of a tag.
"""

from __future__ import annotations

from ecr_tasks.ci.facts import Environ, Fact, Facts, attempt_after, event_of, events

_EVENTS = events(
    push="push tag release",  # a release is the push of its tag
    pull_request="pull_request pull_request_closed pull_request_metadata",
    schedule="cron",
    manual="manual",
)


def marker(env: Environ) -> Fact | None:
    """Return CI or CI_SYSTEM_NAME; in every step of Woodpecker, at least one of them is ``woodpecker``."""
    return env.get("CI", "CI_SYSTEM_NAME", parse=lambda name: name if name == "woodpecker" else None)


def read_facts(env: Environ) -> Facts:
    """Return what Woodpecker's variables say about the run.

    CI_COMMIT_BRANCH is the target branch of a pull request. For a tag, its content depends on the forge, so it
    is not used. CI_BUILD_… and CI_REPO_LINK are the names of Woodpecker before 1.0.
    """
    request = env.get("CI_COMMIT_PULL_REQUEST")
    tag = env.get("CI_COMMIT_TAG")
    branch = None if tag else env.get("CI_COMMIT_BRANCH")
    return Facts(
        event=event_of(env.get("CI_PIPELINE_EVENT", "CI_BUILD_EVENT"), _EVENTS, request, tag),
        branch=env.get("CI_COMMIT_SOURCE_BRANCH") if request else branch,
        tag=tag,
        sha=env.get("CI_COMMIT_SHA"),
        pull_request=request,
        base_ref=env.get("CI_COMMIT_TARGET_BRANCH", "CI_COMMIT_BRANCH"),
        build_number=env.get("CI_PIPELINE_NUMBER", "CI_BUILD_NUMBER"),
        attempt=env.get("CI_PIPELINE_RERUNS", parse=attempt_after),
        default_branch=env.get("CI_REPO_DEFAULT_BRANCH"),
        repository_url=env.get("CI_REPO_URL", "CI_REPO_LINK"),
        build_url=env.get("CI_PIPELINE_URL", "CI_BUILD_LINK"),
    )
