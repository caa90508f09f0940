"""The facts that GitLab CI gives about a run.

Sources: GitLab Docs, "Predefined CI/CD variables reference"; gitlab-org/gitlab#330964 for the commits in
CI_COMMIT_SHA and CI_MERGE_REQUEST_SOURCE_BRANCH_SHA, which depend on the kind of merge request pipeline.
"""

from __future__ import annotations

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, events, is_fork, one_of

RUN_VARIABLES = ("CI_PROJECT_PATH", "CI_PIPELINE_ID")

_EVENTS = events(
    push="push webide",
    pull_request="merge_request_event external_pull_request_event",
    schedule="schedule",
    manual="web api trigger chat",
)
"""The event for each CI_PIPELINE_SOURCE, without those of child and downstream pipelines: their source doesn't say
which event started the parent pipeline."""


def read_facts(env: Environ) -> Facts:
    """Return what GitLab's variables say about the run.

    CI_COMMIT_REF_SLUG is an altered name and not used. CI_OPEN_MERGE_REQUESTS has requests from the branch, and the
    run is for the branch all the same.
    """
    # The …_ID variables are unique in the GitLab instance; people know a request by its IID.
    request = env.get("CI_MERGE_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_IID")
    source = env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME")
    target = env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME")
    tag, branch = env.get("CI_COMMIT_TAG"), env.get("CI_COMMIT_BRANCH")
    # GitLab 12.6 added CI_COMMIT_BRANCH, which is not set for tags and merge requests, and 12.7 child pipelines.
    child = env.get("CI_PIPELINE_SOURCE", parse=one_of("parent_pipeline"))
    return Facts(
        cause=env.get("CI_PIPELINE_SOURCE", parse=_EVENTS.get),
        branch=branch or env.get("CI_COMMIT_REF_NAME"),
        tag=tag,
        commit=env.get("CI_COMMIT_SHA"),
        change=find_change(
            numbers=[request],
            refs=[env.get("CI_MERGE_REQUEST_REF_PATH"), env.get("CI_COMMIT_REF_NAME")],
            signs=[
                env.first("CI_MERGE_REQUEST_"),
                env.first("CI_EXTERNAL_PULL_REQUEST_"),
                child if not (tag or branch) else None,
            ],
            queue=env.get("CI_MERGE_REQUEST_EVENT_TYPE", parse=one_of("merge_train")),
        ),
        source_branch=source,
        head=_head_commit(env),
        base_ref=target,
        fork=_is_from_fork(env),
        build_number=env.get("CI_PIPELINE_IID"),
        default_branch=env.get("CI_DEFAULT_BRANCH"),
        repository_url=env.get("CI_PROJECT_URL"),
        build_url=env.get("CI_PIPELINE_URL", "CI_JOB_URL"),
        actor=env.get("GITLAB_USER_LOGIN"),
    )


def _head_commit(env: Environ) -> Fact | None:
    """Return the merge request's head commit; in a pipeline for merged results, CI_COMMIT_SHA is a merge commit."""
    kind = env.get("CI_MERGE_REQUEST_EVENT_TYPE")
    is_merge_commit = kind is not None and kind.value in ("merged_result", "merge_train")
    head = env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA")
    return head or (None if is_merge_commit else env.get("CI_COMMIT_SHA"))


def _is_from_fork(env: Environ) -> Fact | None:
    """Return whether the merge or pull request comes from another project than its target; None where unknown."""
    return (
        is_fork(env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), env.get("CI_MERGE_REQUEST_PROJECT_ID"))
        or is_fork(env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"), env.get("CI_MERGE_REQUEST_PROJECT_PATH"))
        or is_fork(
            env.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY"),
            env.get("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY"),
        )
    )
