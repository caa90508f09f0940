"""The facts that Azure Pipelines gives about a run.

Source: Microsoft Learn, "Use predefined variables" (Build.*, System.PullRequest.*). Real runs show
what it doesn't say: SYSTEM_PULLREQUEST_SOURCEBRANCH is a short name for GitHub, refs/heads/… for Azure Repos.
"""

from __future__ import annotations

from urllib.parse import quote

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, branch_name, events, tag_name

RUN_VARIABLES = ("SYSTEM_TEAMPROJECT", "BUILD_REPOSITORY_NAME", "BUILD_BUILDID")

_EVENTS = events(
    push="IndividualCI BatchedCI",
    pull_request="PullRequest ValidateShelveset CheckInShelveset",
    schedule="Schedule",
    manual="Manual",
)
"""The event for each BUILD_REASON; BuildCompletion and ResourceTrigger don't say what started the other pipeline."""


def read_facts(env: Environ) -> Facts:
    """Return what the variables of Azure Pipelines say about the run.

    BUILD_SOURCEVERSION of a pull request is Azure's merge commit. BUILD_SOURCEBRANCHNAME is the last part of the
    branch's name only, so it is not used.
    """
    request = env.get("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID")
    ref = env.get("BUILD_SOURCEBRANCH")
    source_branch = env.get("SYSTEM_PULLREQUEST_SOURCEBRANCH", parse=branch_name)
    head = env.get("SYSTEM_PULLREQUEST_SOURCECOMMITID")
    target = env.get("SYSTEM_PULLREQUEST_TARGETBRANCH", parse=branch_name)
    return Facts(
        cause=env.get("BUILD_REASON", parse=_EVENTS.get),
        branch=ref and ref.map(branch_name),
        tag=ref and ref.map(tag_name),
        commit=env.get("BUILD_SOURCEVERSION"),
        change=find_change(numbers=[request], refs=[ref], signs=[head, source_branch, target]),
        source_branch=source_branch,
        head=head,
        base_ref=target,
        # For a run that a person queues for refs/pull/5/merge, only IsFork is set, and it is False.
        fork=env.get("SYSTEM_PULLREQUEST_ISFORK") if request else None,
        # BUILD_BUILDID counts the runs of all pipelines of the organization together.
        build_number=env.get("BUILD_BUILDNUMBER", "BUILD_BUILDID"),
        attempt=env.get("SYSTEM_STAGEATTEMPT"),
        repository_url=env.get("BUILD_REPOSITORY_URI"),
        build_url=_results_page(env),
        actor=env.get("RELEASE_REQUESTEDFOR", "BUILD_REQUESTEDFOR"),
    )


def _results_page(env: Environ) -> Fact | None:
    server = env.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "SYSTEM_COLLECTIONURI")
    project = env.get("SYSTEM_TEAMPROJECT", parse=quote)  # a project's name may contain spaces
    build = env.get("BUILD_BUILDID")
    if not (server and project and build):
        return None
    return Fact(f"{server.value.rstrip('/')}/{project.value}/_build/results?buildId={build.value}", build.origin)
