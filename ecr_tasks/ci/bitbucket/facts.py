"""The facts that Bitbucket Pipelines gives about a run.

Source: Bitbucket Cloud support, "Variables and secrets", default variables.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, event_of, make_context
from ecr_tasks.ci.web_url import web_url


def marker(env: Environ) -> Fact | None:
    """Return BITBUCKET_BUILD_NUMBER, which is set in every step."""
    return env.get("BITBUCKET_BUILD_NUMBER")


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what the variables of Bitbucket Pipelines say about the run.

    BITBUCKET_COMMIT may have twelve characters. No variable distinguishes a scheduled or custom run from a push.
    """
    request = env.get("BITBUCKET_PR_ID")
    tag = env.get("BITBUCKET_TAG")
    repository = _repository(env)
    number = env.get("BITBUCKET_BUILD_NUMBER")
    return make_context(
        provider,
        event=event_of(None, {}, request, tag),
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
    """Return the repository's web address; Bitbucket Cloud's is https, although the variable has http."""
    origin = env.get("BITBUCKET_GIT_HTTP_ORIGIN")
    url = origin and origin.map(lambda remote: web_url(re.sub(r"^http://(?=bitbucket\.org/)", "https://", remote)))
    if url:
        return url
    slug = env.get("BITBUCKET_REPO_FULL_NAME")
    return slug and slug.map(lambda name: web_url(f"https://bitbucket.org/{name}"))
