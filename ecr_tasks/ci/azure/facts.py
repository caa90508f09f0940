"""Azure Pipelines.

Sources: Microsoft Learn, "Use predefined variables" (Build.*, System.PullRequest.*); values of real runs for
what it leaves open: SYSTEM_PULLREQUEST_SOURCEBRANCH is short for GitHub and refs/heads/… for Azure Repos.
"""

from __future__ import annotations

from urllib.parse import quote

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, context, pull_number, tag_name, why

_EVENTS = {
    "IndividualCI": "push",
    "BatchedCI": "push",
    "PullRequest": "pull_request",
    "Schedule": "schedule",
    "Manual": "manual",
}
"""BUILD_REASON; BuildCompletion and ResourceTrigger do not say what started the other pipeline."""


def here(env: Environ) -> Fact | None:
    """TF_BUILD is True in every job."""
    return env.flag("TF_BUILD")


def read(env: Environ, provider: Fact) -> CiContext:
    """BUILD_SOURCEVERSION of a pull request is Azure's merge commit; BUILD_SOURCEBRANCHNAME loses the path."""
    ref = env.get("BUILD_SOURCEBRANCH")
    told = env.get("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID")
    # A person can queue a run for refs/pull/5/merge: then nothing but IsFork is there, and that is False.
    request = told or (ref and ref.map(pull_number))
    tag = ref and ref.map(tag_name)
    built = env.get("BUILD_SOURCEVERSION")
    return context(
        provider,
        event=why(env.get("BUILD_REASON"), _EVENTS, request, tag),
        branch=env.get("SYSTEM_PULLREQUEST_SOURCEBRANCH") if request else ref and ref.map(branch_name),
        tag=tag,
        sha=env.get("SYSTEM_PULLREQUEST_SOURCECOMMITID") if request else built,
        checkout=built if request else None,
        pull_request=request,
        base_ref=env.get("SYSTEM_PULLREQUEST_TARGETBRANCH"),
        fork=env.get("SYSTEM_PULLREQUEST_ISFORK") if told else None,
        # "also known as the run number"; the id numbers all pipelines of the organisation together
        build_number=env.get("BUILD_BUILDNUMBER", "BUILD_BUILDID"),
        attempt=env.get("SYSTEM_STAGEATTEMPT"),
        repository_url=env.get("BUILD_REPOSITORY_URI"),
        build_url=_results(env),
    )


def _results(env: Environ) -> Fact | None:
    server, project, build = (
        env.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "SYSTEM_COLLECTIONURI"),
        env.get("SYSTEM_TEAMPROJECT"),
        env.get("BUILD_BUILDID"),
    )
    if not (server and project and build):
        return None
    path = quote(project.value)  # a project's name may hold spaces
    return Fact(f"{server.value.rstrip('/')}/{path}/_build/results?buildId={build.value}", build.origin)
