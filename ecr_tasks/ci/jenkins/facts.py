"""The facts that Jenkins gives about a run: multibranch and classic jobs, and the plugins ghprb and gitlab.

Sources: the Jenkins handbook, "Using environment variables"; the Branch API plugin's environment variables
(BRANCH_NAME, BRANCH_IS_PRIMARY, CHANGE_*, TAG_*); the Git plugin's (GIT_*); ghprb-plugin, GhprbTrigger.java;
gitlab-plugin, CauseData.java and PushHookTriggerHandlerImpl.java.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.facts import Environ, Fact, Facts, branch_name, event_of, events, group, is_fork, tag_name
from ecr_tasks.ci.web_url import web_url

RUN_VARIABLES = ("JOB_NAME", "BUILD_NUMBER")

_EVENTS = events(
    push="PUSH TAG_PUSH SCMTRIGGER", pull_request="MERGE NOTE", schedule="TIMERTRIGGER", manual="MANUALTRIGGER"
)
"""The event for each gitlabActionType (gitlab-plugin) and BUILD_CAUSE (EnvInject); Jenkins itself gives no cause."""

_REMOTE = re.compile(r"^(?:refs/)?(?:remotes/)?origin/")
"""The beginning of a remote-tracking branch: ``origin/main``, ``refs/remotes/origin/main``."""


def marker(env: Environ) -> Fact | None:
    """Return JENKINS_URL if a build's variables are set as well: outside builds, an agent's container has only it.

    Return BUILD_TAG, ``jenkins-JOB-N``, for a Jenkins without a configured address, which sets no JENKINS_URL.
    """
    build = env.get("BUILD_NUMBER", "BUILD_ID", "BUILD_URL", "JOB_NAME", "BRANCH_NAME", "GIT_COMMIT", "WORKSPACE")
    label = env.get("BUILD_TAG", parse=lambda text: text if text.startswith("jenkins-") else None)
    if label and env.get("JOB_NAME") and env.get("BUILD_NUMBER"):
        return env.get("JENKINS_URL") or label
    return env.get("JENKINS_URL") if build else None


def read_facts(env: Environ) -> Facts:
    """Return what Jenkins' variables say about the run.

    GIT_COMMIT of a multibranch pull request may be a merge commit made by Jenkins; only git knows whether it is.
    """
    change = env.get("CHANGE_ID", "ghprbPullId", "gitlabMergeRequestIid")
    # TAG_NAME is a multibranch job's; the plugins give refs/tags/x as a branch.
    tag = env.get("TAG_NAME") or env.get("gitlabBranch", "GIT_BRANCH", parse=tag_name)
    # For a change, BRANCH_NAME and often GIT_BRANCH are the change's name, such as PR-5.
    source_branch = env.get("CHANGE_BRANCH", "ghprbSourceBranch", "gitlabSourceBranch")
    branch = source_branch if change else None if tag else _branch(env)
    primary = env.flag("BRANCH_IS_PRIMARY")
    head = env.get("ghprbActualCommit", "gitlabMergeRequestLastCommit") if change else None
    return Facts(
        event=event_of(env.get("gitlabActionType", "BUILD_CAUSE"), _EVENTS, change, tag),
        branch=branch,
        tag=tag,
        sha=head or env.get("GIT_COMMIT"),
        checkout=env.get("GIT_COMMIT"),
        pull_request=change,
        base_ref=env.get("CHANGE_TARGET", "ghprbTargetBranch", "gitlabTargetBranch"),
        fork=_fork(env),
        build_number=env.get("BUILD_NUMBER"),
        # BRANCH_IS_PRIMARY is about this run's branch, and means nothing for a pull request.
        default_branch=Fact(branch.value, primary.origin) if primary and branch and not change else None,
        repository_url=env.get("GIT_URL", "GIT_URL_1"),
        build_url=env.get("BUILD_URL"),
    )


def _branch(env: Environ) -> Fact | None:
    """Return the multibranch job's branch, else the one that the Git plugin checked out, else gitlab-plugin's."""
    return (
        env.get("BRANCH_NAME", "GIT_LOCAL_BRANCH", parse=_local_branch)
        or env.get("GIT_BRANCH", parse=lambda name: _local_branch(_REMOTE.sub("", name)))
        or env.get("gitlabBranch", parse=_local_branch)
    )


def _local_branch(name: str) -> str | None:
    branch = branch_name(name)
    return None if branch in ("detached", "HEAD") else branch


def _fork(env: Environ) -> Fact | None:
    """Return whether the change comes from a fork: CHANGE_FORK is set, or the plugins' two addresses differ."""
    if env.get("CHANGE_ID"):
        return Fact("true" if env.get("CHANGE_FORK") else "false", "CHANGE_FORK")
    source = env.get("ghprbAuthorRepoGitUrl", "gitlabSourceRepoHttpUrl", parse=web_url)
    return is_fork(source, env.get("gitlabTargetRepoHttpUrl", parse=web_url) or _github_url(env))


def _github_url(env: Environ) -> Fact | None:
    """Return the address of ghprb's repository: ``owner/name`` on the server of the pull request's link."""
    server = env.get("ghprbPullLink", parse=group(r"^(https?://[^/]+)"))
    return env.get("ghprbGhRepository", parse=lambda name: web_url(f"{server.value}/{name}") if server else None)
