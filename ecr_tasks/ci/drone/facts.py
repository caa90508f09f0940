"""The facts that Drone gives about a run.

Sources: Drone Docs, "Environment reference"; drone/runner-go, environ/environ.go for what each variable contains;
Harness Open Source docs, "Shell variables".
"""

from __future__ import annotations

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, after, branch_name, events

_EVENTS = events(
    push="push tag", pull_request="pull_request", schedule="cron", manual="custom promote rollback manual"
)


def marker(env: Environ) -> Fact | None:
    """Return DRONE; for Harness, which sets Drone's variables without it, its own HARNESS_BUILD_ID."""
    return env.flag("DRONE") or (env.get("HARNESS_BUILD_ID") if env.get("DRONE_COMMIT_SHA", "DRONE_BRANCH") else None)


def read_facts(env: Environ) -> Facts:
    """Return what Drone's variables say about the run.

    DRONE_BRANCH is the target of a pull request. For a tag, its meaning depends on the git server. DRONE_PULL_REQUEST
    is set for the event pull_request only; a promotion of that build has only the ref, and the two branches.
    """
    ref = env.get("DRONE_COMMIT_REF")
    branch = env.get("DRONE_BRANCH", "DRONE_COMMIT_BRANCH")
    source, target = env.get("DRONE_SOURCE_BRANCH"), env.get("DRONE_TARGET_BRANCH")
    commit = env.get("DRONE_COMMIT_SHA", "DRONE_COMMIT")
    action = env.get("DRONE_BUILD_ACTION", parse=after("pullreq_"))
    tag = env.get("DRONE_TAG")
    differ = source if source and target and source.value != target.value and not tag else None
    return Facts(
        cause=env.get("DRONE_BUILD_EVENT", parse=_EVENTS.get),
        branch=branch or (ref and ref.map(branch_name)),
        tag=tag,
        commit=commit,
        change=find_change(numbers=[env.get("DRONE_PULL_REQUEST")], refs=[ref, branch], signs=[differ, action]),
        source_branch=source,
        head=commit,
        base_ref=target or branch,
        build_number=env.get("DRONE_BUILD_NUMBER"),
        default_branch=env.get("DRONE_REPO_BRANCH"),
        repository_url=env.get("DRONE_REPO_LINK", "DRONE_GIT_HTTP_URL", "DRONE_REMOTE_URL"),
        build_url=env.get("DRONE_BUILD_LINK"),
        actor=env.get("DRONE_BUILD_TRIGGER", parse=lambda name: None if name.startswith("@") else name),
    )
