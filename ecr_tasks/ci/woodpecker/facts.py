"""The facts that Woodpecker gives about a run.

Sources: Woodpecker Docs, "Environment variables"; its pipeline/frontend/metadata/environment.go for what each
variable contains, and server/forge/*/ for the branch of a tag.
"""

from __future__ import annotations

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, attempt_after, branch_name, events, tag_name

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
    is not used. CI_COMMIT_PULL_REQUEST and CI_COMMIT_TAG are set for their own events only; a deployment has the ref.
    CI_BUILD_… and CI_REPO_LINK are the names of Woodpecker before 1.0.
    """
    ref, branch = env.get("CI_COMMIT_REF"), env.get("CI_COMMIT_BRANCH")
    source, target = env.get("CI_COMMIT_SOURCE_BRANCH"), env.get("CI_COMMIT_TARGET_BRANCH")
    return Facts(
        cause=env.get("CI_PIPELINE_EVENT", "CI_BUILD_EVENT", parse=_EVENTS.get),
        branch=branch or (ref and ref.map(branch_name)),
        tag=env.get("CI_COMMIT_TAG") or (ref and ref.map(tag_name)),
        commit=env.get("CI_COMMIT_SHA"),
        change=find_change(
            numbers=[env.get("CI_COMMIT_PULL_REQUEST")],
            refs=[ref, branch],
            signs=[source, target],  # "empty if event is not pull_request"
        ),
        source_branch=source,
        head=env.get("CI_COMMIT_SHA"),
        base_ref=target or branch,
        build_number=env.get("CI_PIPELINE_NUMBER", "CI_BUILD_NUMBER"),
        attempt=env.get("CI_PIPELINE_RERUNS", parse=attempt_after),
        default_branch=env.get("CI_REPO_DEFAULT_BRANCH"),
        repository_url=env.get("CI_REPO_URL", "CI_REPO_LINK"),
        build_url=env.get("CI_PIPELINE_URL", "CI_BUILD_LINK"),
        actor=env.get("CI_PIPELINE_AUTHOR"),
    )
