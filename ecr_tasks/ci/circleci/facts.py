"""CircleCI.

Source: CircleCI Docs, "Project values and variables", built-in environment variables.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, context, why


def here(env: Environ) -> Fact | None:
    """CIRCLECI is true in every job."""
    return env.flag("CIRCLECI")


def read(env: Environ, provider: Fact) -> CiContext:
    """A run is a push, a schedule or a person's, and CircleCI's environment does not say which."""
    tag = env.get("CIRCLE_TAG")
    # A branch's pull request is named in its tags' pipelines too; those are for the tag.
    request = None if tag else _request(env)
    branch = env.get("CIRCLE_BRANCH")
    forked = branch is not None and re.fullmatch(r"pull/[0-9]+(?:/head)?", branch.value) is not None
    return context(
        provider,
        event=why(None, {}, request, tag),
        # A fork's branch is called pull/5 here and by nobody else.
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
    """CIRCLE_PR_NUMBER is set for forks alone; the address's end has the number for all."""
    link = env.get("CIRCLE_PULL_REQUEST", "CI_PULL_REQUEST")
    branch = env.get("CIRCLE_BRANCH")
    return (
        env.get("CIRCLE_PR_NUMBER")
        or (link and link.map(_tail))
        or (branch and branch.map(lambda name: _first(re.fullmatch(r"pull/([0-9]+)(?:/head)?", name))))
    )


def _tail(link: str) -> str | None:
    return _first(re.search(r"/(?:pull|pull-requests|merge_requests)/([0-9]+)(?:/|$)", link))


def _first(found: re.Match[str] | None) -> str | None:
    return found[1] if found else None


def _fork(env: Environ, branch: Fact | None, forked: bool) -> Fact | None:
    """The CIRCLE_PR_* variables are "only available on forked PRs", and not with every kind of connection.

    CIRCLE_REPOSITORY_URL comes with the same kinds (GitHub OAuth and Bitbucket Cloud).
    """
    told = env.get("CIRCLE_PR_NUMBER", "CIRCLE_PR_REPONAME") or (branch if forked else None)
    if told:
        return Fact("true", told.origin)
    return Fact("false", branch.origin) if branch and env.get("CIRCLE_REPOSITORY_URL") else None
