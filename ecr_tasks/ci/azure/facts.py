"""The facts that Azure Pipelines gives about a run.

Source: Microsoft Learn, "Use predefined variables" (Build.*, System.PullRequest.*). What it leaves open is from
real runs: SYSTEM_PULLREQUEST_SOURCEBRANCH is a short name for GitHub and refs/heads/… for Azure Repos.
"""

from __future__ import annotations

from urllib.parse import quote

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, event_of, make_context, pull_number, tag_name

_EVENTS = {
    "IndividualCI": "push",
    "BatchedCI": "push",
    "PullRequest": "pull_request",
    "Schedule": "schedule",
    "Manual": "manual",
}
"""The event for each BUILD_REASON; BuildCompletion and ResourceTrigger leave open what started the other pipeline."""


def marker(env: Environ) -> Fact | None:
    """Return TF_BUILD, which is True in every job."""
    return env.flag("TF_BUILD")


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what the variables of Azure Pipelines say about the run.

    BUILD_SOURCEVERSION of a pull request is Azure's merge commit. BUILD_SOURCEBRANCHNAME is the last part of the
    branch's name only, so it is not used.
    """
    ref = env.get("BUILD_SOURCEBRANCH")
    request_variable = env.get("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID")
    # For a run that a person queues for refs/pull/5/merge, only IsFork is set, and it is False.
    request = request_variable or (ref and ref.map(pull_number))
    tag = ref and ref.map(tag_name)
    checkout = env.get("BUILD_SOURCEVERSION")
    return make_context(
        provider,
        event=event_of(env.get("BUILD_REASON"), _EVENTS, request, tag),
        branch=env.get("SYSTEM_PULLREQUEST_SOURCEBRANCH") if request else ref and ref.map(branch_name),
        tag=tag,
        sha=env.get("SYSTEM_PULLREQUEST_SOURCECOMMITID") if request else checkout,
        checkout=checkout if request else None,
        pull_request=request,
        base_ref=env.get("SYSTEM_PULLREQUEST_TARGETBRANCH"),
        fork=env.get("SYSTEM_PULLREQUEST_ISFORK") if request_variable else None,
        # BUILD_BUILDID counts the runs of all pipelines of the organization together.
        build_number=env.get("BUILD_BUILDNUMBER", "BUILD_BUILDID"),
        attempt=env.get("SYSTEM_STAGEATTEMPT"),
        repository_url=env.get("BUILD_REPOSITORY_URI"),
        build_url=_results_page(env),
    )


def _results_page(env: Environ) -> Fact | None:
    server, project, build = (
        env.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "SYSTEM_COLLECTIONURI"),
        env.get("SYSTEM_TEAMPROJECT"),
        env.get("BUILD_BUILDID"),
    )
    if not (server and project and build):
        return None
    path = quote(project.value)  # a project's name may hold spaces
    return Fact(f"{server.value.rstrip('/')}/{path}/_build/results?buildId={build.value}", build.origin)
