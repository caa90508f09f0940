"""The facts that CircleCI gives about a run. Source: CircleCI Docs, "Project values and variables"."""

from __future__ import annotations

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, group

RUN_VARIABLES = ("CIRCLE_PROJECT_USERNAME", "CIRCLE_PROJECT_REPONAME", "CIRCLE_BUILD_NUM")

_number_in_page_url = group(r"/(?:pull|pull-requests|merge_requests)/([0-9]+)(?:/|$)")

_number_in_branch = group(r"^(?:[^/]+/)?pull/([0-9]+)(?:/head|/merge)?$")
"""Returns the number in ``pull/5``, which CircleCI sets in place of a fork's branch."""


def read_facts(env: Environ) -> Facts:
    """Return what CircleCI's variables say about the run.

    They don't say whether a push, a schedule or a person started the run. CircleCI builds the commits of branches and
    no merges: CIRCLE_PULL_REQUEST is a pull request that is open from the branch, and the run is for the branch all
    the same. Only a fork's is a change (CIRCLE_PR_NUMBER, "only available on forked PRs").
    """
    branch, tag = env.get("CIRCLE_BRANCH"), env.get("CIRCLE_TAG")
    in_branch = env.get("CIRCLE_BRANCH", parse=_number_in_branch)
    fork = env.get("CIRCLE_PR_NUMBER", "CIRCLE_PR_REPONAME", "CIRCLE_PR_USERNAME") or in_branch
    request = env.get("CIRCLE_PULL_REQUEST", "CI_PULL_REQUEST", parse=_number_in_page_url)
    return Facts(
        branch=branch,
        tag=tag,
        commit=env.get("CIRCLE_SHA1"),
        change=find_change(
            numbers=[env.get("CIRCLE_PR_NUMBER"), in_branch, request if fork else None], refs=[branch], signs=[fork]
        ),
        source_branch=None if in_branch else branch,
        head=env.get("CIRCLE_SHA1"),
        fork=fork and Fact("true", fork.origin),
        # CircleCI sets a branch's pull request in pipelines for tags, too.
        open_request=None if tag else request,
        build_number=env.get("CIRCLE_BUILD_NUM"),
        repository_url=env.get("CIRCLE_REPOSITORY_URL"),
        build_url=env.get("CIRCLE_BUILD_URL"),
        actor=env.get("CIRCLE_USERNAME"),
    )
