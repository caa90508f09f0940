"""The facts that Drone gives about a run.

Sources: Drone Docs, "Environment reference"; drone/runner-go, environ/environ.go for what each variable contains.
"""

from __future__ import annotations

from ecr_tasks.ci.facts import Environ, Facts, event_of, events

_EVENTS = events(push="push tag", pull_request="pull_request", schedule="cron", manual="custom promote rollback")


def read_facts(env: Environ) -> Facts:
    """Return what Drone's variables say about the run.

    DRONE_BRANCH is the target of a pull request. For a tag, its meaning depends on the git server.
    """
    request = env.get("DRONE_PULL_REQUEST")
    tag = env.get("DRONE_TAG")
    branch = None if tag else env.get("DRONE_BRANCH", "DRONE_COMMIT_BRANCH")
    return Facts(
        event=event_of(env.get("DRONE_BUILD_EVENT"), _EVENTS, request, tag),
        branch=env.get("DRONE_SOURCE_BRANCH") if request else branch,
        tag=tag,
        sha=env.get("DRONE_COMMIT_SHA", "DRONE_COMMIT"),
        pull_request=request,
        base_ref=env.get("DRONE_TARGET_BRANCH", "DRONE_BRANCH"),
        build_number=env.get("DRONE_BUILD_NUMBER"),
        default_branch=env.get("DRONE_REPO_BRANCH"),
        repository_url=env.get("DRONE_REPO_LINK", "DRONE_GIT_HTTP_URL", "DRONE_REMOTE_URL"),
        build_url=env.get("DRONE_BUILD_LINK"),
    )
