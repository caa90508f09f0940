"""Bitbucket Pipelines.

Source: Bitbucket Cloud support, "Variables and secrets", default variables.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, context, why
from ecr_tasks.ci.web_url import web_url


def here(env: Environ) -> Fact | None:
    """BITBUCKET_BUILD_NUMBER is set in every step."""
    return env.get("BITBUCKET_BUILD_NUMBER")


def read(env: Environ, provider: Fact) -> CiContext:
    """BITBUCKET_COMMIT may have twelve characters. Nothing tells a scheduled or custom run from a push."""
    request = env.get("BITBUCKET_PR_ID")
    tag = env.get("BITBUCKET_TAG")
    repository = _repository(env)
    number = env.get("BITBUCKET_BUILD_NUMBER")
    return context(
        provider,
        event=why(None, {}, request, tag),
        branch=env.get("BITBUCKET_BRANCH"),
        tag=tag,
        sha=env.get("BITBUCKET_COMMIT"),
        pull_request=request,
        base_ref=env.get("BITBUCKET_PR_DESTINATION_BRANCH"),
        build_number=number,
        repository_url=repository,
        build_url=repository
        and number
        and Fact(f"{repository.value}/addon/pipelines/home#!/results/{number.value}", number.origin),
    )


def _repository(env: Environ) -> Fact | None:
    """Bitbucket Cloud has https only, though the variable says http."""
    origin = env.get("BITBUCKET_GIT_HTTP_ORIGIN")
    found = origin and origin.map(lambda url: web_url(re.sub(r"^http://(?=bitbucket\.org/)", "https://", url)))
    if found:
        return found
    slug = env.get("BITBUCKET_REPO_FULL_NAME")
    return slug and slug.map(lambda name: web_url(f"https://bitbucket.org/{name}"))
