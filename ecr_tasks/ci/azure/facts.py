"""The facts that Azure Pipelines gives about a run.

Source: Microsoft Learn, "Use predefined variables" (Build.*, System.PullRequest.*). Real runs show
what it doesn't say: SYSTEM_PULLREQUEST_SOURCEBRANCH is a short name for GitHub, refs/heads/… for Azure Repos.
"""

from __future__ import annotations

from urllib.parse import quote

from ecr_tasks.ci.facts import Environ, Fact, Facts, branch_name, event_of, events, pull_number, tag_name

RUN_VARIABLES = ("SYSTEM_TEAMPROJECT", "BUILD_REPOSITORY_NAME", "BUILD_BUILDID")

_EVENTS = events(push="IndividualCI BatchedCI", pull_request="PullRequest", schedule="Schedule", manual="Manual")
"""The event for each BUILD_REASON; BuildCompletion and ResourceTrigger don't say what started the other pipeline."""


def read_facts(env: Environ) -> Facts:
    """Return what the variables of Azure Pipelines say about the run.

    BUILD_SOURCEVERSION of a pull request is Azure's merge commit. BUILD_SOURCEBRANCHNAME is the last part of the
    branch's name only, so it is not used.
    """
    request_variable = env.get("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID")
    # For a run that a person queues for refs/pull/5/merge, only IsFork is set, and it is False.
    request = request_variable or env.get("BUILD_SOURCEBRANCH", parse=pull_number)
    tag = env.get("BUILD_SOURCEBRANCH", parse=tag_name)
    branch = env.get("BUILD_SOURCEBRANCH", parse=branch_name)
    checkout = env.get("BUILD_SOURCEVERSION")
    return Facts(
        event=event_of(env.get("BUILD_REASON"), _EVENTS, request, tag),
        branch=env.get("SYSTEM_PULLREQUEST_SOURCEBRANCH") if request else branch,
        tag=tag,
        sha=env.get("SYSTEM_PULLREQUEST_SOURCECOMMITID") if request else checkout,
        checkout=checkout,
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
    server = env.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "SYSTEM_COLLECTIONURI")
    project = env.get("SYSTEM_TEAMPROJECT", parse=quote)  # a project's name may contain spaces
    build = env.get("BUILD_BUILDID")
    if not (server and project and build):
        return None
    return Fact(f"{server.value.rstrip('/')}/{project.value}/_build/results?buildId={build.value}", build.origin)
