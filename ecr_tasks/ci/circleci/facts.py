"""The facts that CircleCI gives about a run. Source: CircleCI Docs, "Project values and variables"."""

from __future__ import annotations

from ecr_tasks.ci.facts import Environ, Fact, Facts, event_of, group

RUN_VARIABLES = ("CIRCLE_PROJECT_USERNAME", "CIRCLE_PROJECT_REPONAME", "CIRCLE_BUILD_NUM")

_number_in_page_url = group(r"/(?:pull|pull-requests|merge_requests)/([0-9]+)(?:/|$)")

_number_in_branch = group(r"^pull/([0-9]+)(?:/head)?$")
"""Returns the number in ``pull/5``, which CircleCI sets in place of a fork's branch."""


def read_facts(env: Environ) -> Facts:
    """Return what CircleCI's variables say about the run.

    They don't say whether a push, a schedule or a person started the run.
    """
    tag = env.get("CIRCLE_TAG")
    branch = env.get("CIRCLE_BRANCH")
    fork_number = env.get("CIRCLE_BRANCH", parse=_number_in_branch)
    # CIRCLE_PR_NUMBER is set for forks only. For others the number is the end of the pull request's address.
    request = (
        env.get("CIRCLE_PR_NUMBER")
        or env.get("CIRCLE_PULL_REQUEST", "CI_PULL_REQUEST", parse=_number_in_page_url)
        or fork_number
    )
    if tag:  # CircleCI sets a branch's pull request in pipelines for tags, too; such a run is for the tag.
        request = None
    return Facts(
        event=event_of(None, {}, request, tag),
        branch=None if fork_number else branch,
        tag=tag,
        sha=env.get("CIRCLE_SHA1"),
        pull_request=request,
        fork=_fork(env, branch, fork_number),
        build_number=env.get("CIRCLE_BUILD_NUM"),
        repository_url=env.get("CIRCLE_REPOSITORY_URL"),
        build_url=env.get("CIRCLE_BUILD_URL"),
    )


def _fork(env: Environ, branch: Fact | None, fork_number: Fact | None) -> Fact | None:
    """Return whether the pull request comes from a fork.

    The CIRCLE_PR_* variables are "only available on forked PRs" and, like CIRCLE_REPOSITORY_URL, only for
    projects that are connected by GitHub OAuth or Bitbucket Cloud.
    """
    fork_variable = env.get("CIRCLE_PR_NUMBER", "CIRCLE_PR_REPONAME") or fork_number
    if fork_variable:
        return Fact("true", fork_variable.origin)
    return Fact("false", branch.origin) if branch and env.get("CIRCLE_REPOSITORY_URL") else None
