"""The facts that Bitbucket Pipelines gives about a run. Source: Bitbucket Cloud support, "Variables and secrets"."""

from __future__ import annotations

from ecr_tasks.ci.facts import Environ, Fact, Facts, event_of
from ecr_tasks.ci.web_url import web_url

RUN_VARIABLES = ("BITBUCKET_REPO_FULL_NAME", "BITBUCKET_BUILD_NUMBER")


def read_facts(env: Environ) -> Facts:
    """Return what the variables of Bitbucket Pipelines say about the run.

    BITBUCKET_COMMIT may have twelve characters. No variable distinguishes a scheduled or custom run from a push.
    """
    request = env.get("BITBUCKET_PR_ID")
    tag = env.get("BITBUCKET_TAG")
    number = env.get("BITBUCKET_BUILD_NUMBER")
    repository = env.get("BITBUCKET_GIT_HTTP_ORIGIN", parse=_https) or env.get(
        "BITBUCKET_REPO_FULL_NAME", parse=lambda name: web_url(f"https://bitbucket.org/{name}")
    )
    return Facts(
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


def _https(origin: str) -> str | None:
    """Return the repository's web address; Bitbucket Cloud's is https, although the variable has http."""
    insecure = "http://bitbucket.org/"
    return web_url(origin.replace(insecure, "https://bitbucket.org/") if origin.startswith(insecure) else origin)
