"""The facts that Jenkins gives about a run: multibranch and classic jobs, and the plugins ghprb and gitlab.

Sources: the Jenkins handbook, "Using environment variables"; the Branch API plugin's environment variables
(BRANCH_NAME, BRANCH_IS_PRIMARY, CHANGE_*, TAG_*); the Git plugin's (GIT_*); ghprb-plugin, GhprbTrigger.java;
gitlab-plugin, CauseData.java and PushHookTriggerHandlerImpl.java.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, event_of, make_context, tag_name
from ecr_tasks.ci.web_url import web_url

_EVENTS = {
    # gitlab-plugin's gitlabActionType
    "PUSH": "push",
    "TAG_PUSH": "push",
    "MERGE": "pull_request",
    "NOTE": "pull_request",
    # EnvInject plugin's BUILD_CAUSE; Jenkins itself sets no variable for the cause
    "SCMTRIGGER": "push",
    "TIMERTRIGGER": "schedule",
    "MANUALTRIGGER": "manual",
}


def marker(env: Environ) -> Fact | None:
    """Return JENKINS_URL, if one of a build's variables is set as well: an agent's container has JENKINS_URL alone.

    A Jenkins whose address was never configured sets no JENKINS_URL: then it is BUILD_TAG, ``jenkins-JOB-N``.
    """
    build = env.get("BUILD_NUMBER", "BUILD_ID", "BUILD_URL", "JOB_NAME", "BRANCH_NAME", "GIT_COMMIT", "WORKSPACE")
    label = env.get("BUILD_TAG")
    if label and label.value.startswith("jenkins-") and env.get("JOB_NAME") and env.get("BUILD_NUMBER"):
        return env.get("JENKINS_URL") or label
    return env.get("JENKINS_URL") if build else None


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what Jenkins' variables say about the run.

    GIT_COMMIT of a multibranch pull request may be a merge commit made by Jenkins; only git knows whether it is.
    """
    change = env.get("CHANGE_ID", "ghprbPullId", "gitlabMergeRequestIid")
    tag = _tag(env)
    branch = _change_branch(env) if change else None if tag else _branch(env)
    primary = env.flag("BRANCH_IS_PRIMARY")
    head = env.get("ghprbActualCommit", "gitlabMergeRequestLastCommit") if change else None
    checkout = env.get("GIT_COMMIT")
    return make_context(
        provider,
        event=event_of(env.get("gitlabActionType", "BUILD_CAUSE"), _EVENTS, change, tag),
        branch=branch,
        tag=tag,
        sha=head or checkout,
        checkout=checkout if head else None,
        pull_request=change,
        base_ref=env.get("CHANGE_TARGET", "ghprbTargetBranch", "gitlabTargetBranch"),
        fork=_fork(env),
        build_number=env.get("BUILD_NUMBER"),
        # BRANCH_IS_PRIMARY is about this run's branch, and means nothing for a pull request.
        default_branch=Fact(branch.value, primary.origin) if primary and branch and not change else None,
        repository_url=env.get("GIT_URL", "GIT_URL_1"),
        build_url=env.get("BUILD_URL"),
    )


def _tag(env: Environ) -> Fact | None:
    """Return TAG_NAME of a multibranch job, or the ``refs/tags/x`` that the plugins give as a branch."""
    refs = (env.get(name) for name in ("gitlabBranch", "GIT_BRANCH"))
    return env.get("TAG_NAME") or next((tag for ref in refs if ref and (tag := ref.map(tag_name))), None)


def _change_branch(env: Environ) -> Fact | None:
    """Return the change's source branch; BRANCH_NAME and often GIT_BRANCH are the change's own name, PR-5."""
    return env.get("CHANGE_BRANCH", "ghprbSourceBranch", "gitlabSourceBranch")


def _branch(env: Environ) -> Fact | None:
    """Return the multibranch job's branch, else the one that the Git plugin checked out, else gitlab-plugin's."""
    for name in ("BRANCH_NAME", "GIT_LOCAL_BRANCH", "GIT_BRANCH", "gitlabBranch"):
        ref = env.get(name)
        branch = ref.map(_local_branch if name == "GIT_BRANCH" else branch_name) if ref else None
        if branch and branch.value not in ("detached", "HEAD"):
            return branch
    return None


def _local_branch(name: str) -> str | None:
    """Return the branch that a remote-tracking branch follows: ``origin/main``, ``refs/remotes/origin/main``."""
    return branch_name(re.sub(r"^(?:refs/)?(?:remotes/)?origin/", "", name))


def _fork(env: Environ) -> Fact | None:
    """Return whether the change comes from a fork: CHANGE_FORK is set, or the plugins' two addresses differ."""
    if env.get("CHANGE_ID"):
        fork = env.get("CHANGE_FORK")
        return Fact("true", fork.origin) if fork else Fact("false", "CHANGE_FORK")
    source = env.get("ghprbAuthorRepoGitUrl", "gitlabSourceRepoHttpUrl")
    target = env.get("gitlabTargetRepoHttpUrl") or _github_url(env)
    if source is None or target is None:
        return None
    same = (web_url(source.value) or "").lower() == (web_url(target.value) or "").lower()
    return Fact("false" if same else "true", source.origin)


def _github_url(env: Environ) -> Fact | None:
    """Return the address of ghprb's repository: ``owner/name`` on the server of the pull request's link."""
    name, link = env.get("ghprbGhRepository"), env.get("ghprbPullLink")
    server = re.match(r"https?://[^/]+", link.value) if link else None
    return Fact(f"{server[0]}/{name.value}", name.origin) if server and name else None
