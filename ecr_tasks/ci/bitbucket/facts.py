"""The facts that Bitbucket Pipelines gives about a run. Source: Bitbucket Cloud support, "Variables and secrets"."""

from __future__ import annotations

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts
from ecr_tasks.ci.web_url import web_url

RUN_VARIABLES = ("BITBUCKET_REPO_FULL_NAME", "BITBUCKET_BUILD_NUMBER")


def read_facts(env: Environ) -> Facts:
    """Return what the variables of Bitbucket Pipelines say about the run.

    BITBUCKET_COMMIT may have twelve characters. No variable distinguishes a scheduled or custom run from a push.
    """
    target = env.get("BITBUCKET_PR_DESTINATION_BRANCH")
    number = env.get("BITBUCKET_BUILD_NUMBER")
    repository = env.get("BITBUCKET_GIT_HTTP_ORIGIN", parse=_https) or env.get(
        "BITBUCKET_REPO_FULL_NAME", parse=lambda name: web_url(f"https://bitbucket.org/{name}")
    )
    return Facts(
        branch=env.get("BITBUCKET_BRANCH"),
        tag=env.get("BITBUCKET_TAG"),
        commit=env.get("BITBUCKET_COMMIT"),
        change=find_change(
            numbers=[env.get("BITBUCKET_PR_ID")], signs=[target, env.get("BITBUCKET_PR_DESTINATION_COMMIT")]
        ),
        source_branch=env.get("BITBUCKET_BRANCH"),
        head=env.get("BITBUCKET_COMMIT"),
        base_ref=target,
        build_number=number,
        repository_url=repository,
        build_url=repository
        and number
        and Fact(f"{repository.value}/addon/pipelines/home#!/results/{number.value}", number.origin),
        actor=env.get("BITBUCKET_STEP_TRIGGERER_UUID"),
    )


def _https(origin: str) -> str | None:
    """Return the repository's web address; Bitbucket Cloud's is https, although the variable has http."""
    insecure = "http://bitbucket.org/"
    return web_url(origin.replace(insecure, "https://bitbucket.org/") if origin.startswith(insecure) else origin)
