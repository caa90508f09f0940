"""Jenkins: multibranch and classic jobs, with the pull-request plugins ghprb and gitlab.

Sources: the Jenkins handbook, "Using environment variables"; the Branch API plugin's environment variables
(BRANCH_NAME, BRANCH_IS_PRIMARY, CHANGE_*, TAG_*); the Git plugin's (GIT_*); ghprb-plugin, GhprbTrigger.java;
gitlab-plugin, CauseData.java and PushHookTriggerHandlerImpl.java.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, context, tag_name, why
from ecr_tasks.ci.web_url import web_url

_EVENTS = {
    # gitlab-plugin's gitlabActionType
    "PUSH": "push",
    "TAG_PUSH": "push",
    "MERGE": "pull_request",
    "NOTE": "pull_request",
    # EnvInject plugin's BUILD_CAUSE; without it Jenkins does not tell a build why it runs
    "SCMTRIGGER": "push",
    "TIMERTRIGGER": "schedule",
    "MANUALTRIGGER": "manual",
}


def here(env: Environ) -> Fact | None:
    """JENKINS_URL together with a build's variable: an agent's container has the address alone.

    A Jenkins whose own address was never configured sets no JENKINS_URL; its BUILD_TAG is ``jenkins-JOB-N``.
    """
    built = env.get("BUILD_NUMBER", "BUILD_ID", "BUILD_URL", "JOB_NAME", "BRANCH_NAME", "GIT_COMMIT", "WORKSPACE")
    label = env.get("BUILD_TAG")
    if label and label.value.startswith("jenkins-") and env.get("JOB_NAME") and env.get("BUILD_NUMBER"):
        return env.get("JENKINS_URL") or label
    return env.get("JENKINS_URL") if built else None


def read(env: Environ, provider: Fact) -> CiContext:
    """GIT_COMMIT of a multibranch pull request may be Jenkins' own merge: only git can tell, in ``merge``."""
    change = env.get("CHANGE_ID", "ghprbPullId", "gitlabMergeRequestIid")
    tag = _tag(env)
    branch = _change_branch(env) if change else None if tag else _branch(env)
    primary = env.flag("BRANCH_IS_PRIMARY")
    head = env.get("ghprbActualCommit", "gitlabMergeRequestLastCommit") if change else None
    built = env.get("GIT_COMMIT")
    return context(
        provider,
        event=why(env.get("gitlabActionType", "BUILD_CAUSE"), _EVENTS, change, tag),
        branch=branch,
        tag=tag,
        sha=head or built,
        checkout=built if head else None,
        pull_request=change,
        base_ref=env.get("CHANGE_TARGET", "ghprbTargetBranch", "gitlabTargetBranch"),
        fork=_fork(env),
        build_number=env.get("BUILD_NUMBER"),
        # It says it of this branch only; with a pull request's variables it says it of none.
        default_branch=Fact(branch.value, primary.origin) if primary and branch and not change else None,
        repository_url=env.get("GIT_URL", "GIT_URL_1"),
        build_url=env.get("BUILD_URL"),
    )


def _tag(env: Environ) -> Fact | None:
    """TAG_NAME in a multibranch job; gitlab-plugin and the Git plugin give ``refs/tags/x`` as a branch."""
    refs = (env.get(name) for name in ("gitlabBranch", "GIT_BRANCH"))
    return env.get("TAG_NAME") or next((tag for ref in refs if ref and (tag := ref.map(tag_name))), None)


def _change_branch(env: Environ) -> Fact | None:
    """BRANCH_NAME is the change's own name (PR-5), and GIT_BRANCH perhaps too."""
    return env.get("CHANGE_BRANCH", "ghprbSourceBranch", "gitlabSourceBranch")


def _branch(env: Environ) -> Fact | None:
    """The multibranch job's own, then what the Git plugin checked out, then what gitlab-plugin was told of."""
    for name in ("BRANCH_NAME", "GIT_LOCAL_BRANCH", "GIT_BRANCH", "gitlabBranch"):
        found = env.get(name)
        branch = found.map(_local if name == "GIT_BRANCH" else branch_name) if found else None
        if branch and branch.value not in ("detached", "HEAD"):
            return branch
    return None


def _local(name: str) -> str | None:
    """GIT_BRANCH is a remote-tracking branch: ``origin/main``, ``refs/remotes/origin/main``."""
    return branch_name(re.sub(r"^(?:refs/)?(?:remotes/)?origin/", "", name))


def _fork(env: Environ) -> Fact | None:
    """CHANGE_FORK is only there for a fork's change; the plugins give both repositories' addresses."""
    if env.get("CHANGE_ID"):
        fork = env.get("CHANGE_FORK")
        return Fact("true", fork.origin) if fork else Fact("false", "CHANGE_FORK")
    theirs = env.get("ghprbAuthorRepoGitUrl", "gitlabSourceRepoHttpUrl")
    ours = env.get("gitlabTargetRepoHttpUrl") or _github(env)
    if theirs is None or ours is None:
        return None
    same = (web_url(theirs.value) or "").lower() == (web_url(ours.value) or "").lower()
    return Fact("false" if same else "true", theirs.origin)


def _github(env: Environ) -> Fact | None:
    """ghprb names its repository ``owner/name``; the server is the pull request link's."""
    name, link = env.get("ghprbGhRepository"), env.get("ghprbPullLink")
    server = re.match(r"https?://[^/]+", link.value) if link else None
    return Fact(f"{server[0]}/{name.value}", name.origin) if server and name else None
