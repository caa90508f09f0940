"""The facts that CircleCI gives about a run.

Source: CircleCI Docs, "Project values and variables", built-in environment variables.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, event_of, make_context


def marker(env: Environ) -> Fact | None:
    """Return CIRCLECI, which is true in every job."""
    return env.flag("CIRCLECI")


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what CircleCI's variables say about the run.

    They don't say whether a push, a schedule or a person started it.
    """
    tag = env.get("CIRCLE_TAG")
    # CircleCI sets a branch's pull request in pipelines for tags, too; such a run is for the tag.
    request = None if tag else _request(env)
    branch = env.get("CIRCLE_BRANCH")
    forked = branch is not None and re.fullmatch(r"pull/[0-9]+(?:/head)?", branch.value) is not None
    return make_context(
        provider,
        event=event_of(None, {}, request, tag),
        # CircleCI sets pull/5 for a fork, which is no name of a branch.
        branch=None if forked else branch,
        tag=tag,
        sha=env.get("CIRCLE_SHA1"),
        pull_request=request,
        fork=_fork(env, branch, forked),
        build_number=env.get("CIRCLE_BUILD_NUM"),
        repository_url=env.get("CIRCLE_REPOSITORY_URL"),
        build_url=env.get("CIRCLE_BUILD_URL"),
    )


def _request(env: Environ) -> Fact | None:
    """Return the pull request's number.

    CIRCLE_PR_NUMBER is set for forks only. For others it is the end of the pull request's address.
    """
    link = env.get("CIRCLE_PULL_REQUEST", "CI_PULL_REQUEST")
    branch = env.get("CIRCLE_BRANCH")
    return (
        env.get("CIRCLE_PR_NUMBER")
        or (link and link.map(_number_in_link))
        or (branch and branch.map(lambda name: _group(re.fullmatch(r"pull/([0-9]+)(?:/head)?", name))))
    )


def _number_in_link(link: str) -> str | None:
    return _group(re.search(r"/(?:pull|pull-requests|merge_requests)/([0-9]+)(?:/|$)", link))


def _group(match: re.Match[str] | None) -> str | None:
    return match[1] if match else None


def _fork(env: Environ, branch: Fact | None, forked: bool) -> Fact | None:
    """Return whether the pull request comes from a fork.

    The CIRCLE_PR_* variables are "only available on forked PRs" and, like CIRCLE_REPOSITORY_URL, only for
    projects that are connected by GitHub OAuth or Bitbucket Cloud.
    """
    fork_variable = env.get("CIRCLE_PR_NUMBER", "CIRCLE_PR_REPONAME") or (branch if forked else None)
    if fork_variable:
        return Fact("true", fork_variable.origin)
    return Fact("false", branch.origin) if branch and env.get("CIRCLE_REPOSITORY_URL") else None
