"""The facts that Jenkins gives about a run: multibranch and classic jobs, and the plugins that start them.

Sources: the Jenkins handbook, "Using environment variables"; the Branch API plugin's environment variables
(BRANCH_NAME, BRANCH_IS_PRIMARY, CHANGE_*, TAG_*); the Git plugin's (GIT_*); ghprb-plugin, GhprbTrigger.java;
gitlab-plugin, CauseData.java and PushHookTriggerHandlerImpl.java; gitee-plugin, CauseData.java;
gerrit-code-review-plugin's README (BRANCH_NAME); github-integration-plugin, GitHubPREnv.java;
bitbucket-push-and-pull-request-plugin's README; bitbucket-pullrequest-builder-plugin, BitbucketBuildTrigger.java.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.change import Change, find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, branch_name, events, group, is_fork, one_of, tag_name
from ecr_tasks.ci.gerrit import gerrit_change, is_merged
from ecr_tasks.ci.web_url import web_url

RUN_VARIABLES = ("JOB_NAME", "BUILD_NUMBER")

_EVENTS = events(
    push="PUSH TAG_PUSH SCMTRIGGER", pull_request="MERGE NOTE", schedule="TIMERTRIGGER", manual="MANUALTRIGGER"
)
"""The event for each gitlabActionType (gitlab-plugin) and BUILD_CAUSE (EnvInject); Jenkins itself gives no cause."""

_NUMBERS = (
    *("CHANGE_ID", "ghprbPullId", "gitlabMergeRequestIid", "giteePullRequestIid", "GITHUB_PR_NUMBER"),
    *("BITBUCKET_PULL_REQUEST_ID", "pullRequestId"),
)
"""The variables with a change's number: of multibranch jobs, and of the plugins named above."""

_SIGNS = (
    *("CHANGE_URL", "CHANGE_BRANCH", "CHANGE_TARGET", "CHANGE_FORK", "ghprbPullLink", "ghprbActualCommit"),
    *("ghprbSourceBranch", "ghprbTargetBranch", "ghprbAuthorRepoGitUrl"),
    *("gitlabMergeRequestId", "giteePullRequestId", "GITHUB_PR_HEAD_SHA", "GITHUB_PR_SOURCE_BRANCH"),
    *("GITHUB_PR_TARGET_BRANCH", "BITBUCKET_PULL_REQUEST_LINK"),
)
"""More variables that only a change's run has."""

_REMOTES = r"^(?:refs/)?remotes/"
"""The beginning of a remote-tracking branch's full name: ``refs/remotes/origin/main``."""

_number_of_gerrit = group(r"^(?:[0-9]{2})/([1-9][0-9]*)/[0-9]+$")


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
    change = _change(env)
    # TAG_NAME is a multibranch job's; the plugins give refs/tags/x as a branch.
    tag = env.get("TAG_NAME") or env.get("gitlabBranch", "GIT_BRANCH", parse=tag_name)
    branch = _branch(env)
    primary = env.flag("BRANCH_IS_PRIMARY")
    commit = env.get("GIT_COMMIT")
    head = env.get(
        *("ghprbActualCommit", "gitlabMergeRequestLastCommit", "giteePullRequestLastCommit"),
        *("GITHUB_PR_HEAD_SHA", "GERRIT_PATCHSET_REVISION"),
    )
    return Facts(
        cause=env.get("gitlabActionType", "giteeActionType", "BUILD_CAUSE", parse=_EVENTS.get),
        branch=branch,
        tag=tag,
        commit=commit,
        change=change,
        # For a change, BRANCH_NAME and often GIT_BRANCH are the change's name, such as PR-5.
        source_branch=env.get(
            *("CHANGE_BRANCH", "ghprbSourceBranch", "gitlabSourceBranch", "giteeSourceBranch"),
            *("GITHUB_PR_SOURCE_BRANCH", "BITBUCKET_SOURCE_BRANCH", "sourceBranch"),
        ),
        head=head or commit,
        base_ref=env.get(
            *("CHANGE_TARGET", "ghprbTargetBranch", "gitlabTargetBranch", "giteeTargetBranch"),
            *("GITHUB_PR_TARGET_BRANCH", "BITBUCKET_TARGET_BRANCH", "GERRIT_BRANCH", "targetBranch"),
        ),
        fork=_fork(env),
        build_number=env.get("BUILD_NUMBER"),
        # BRANCH_IS_PRIMARY is about this run's branch, and means nothing for a pull request.
        default_branch=Fact(branch.value, primary.origin) if primary and branch and not change else None,
        repository_url=env.get("GIT_URL", "GIT_URL_1"),
        build_url=env.get("BUILD_URL"),
        actor=env.get("BUILD_USER_ID", "BUILD_USER"),
    )


def _change(env: Environ) -> Change | None:
    """Return the change that the run belongs to.

    GIT_BRANCH of a change is what the clone's refspec made of its ref, or FETCH_HEAD, which is no branch.
    """
    # In a multibranch job, BRANCH_NAME is a branch's whole name, or a change's as the plugin calls it. With "Discover
    # other refs" it is pull-5, and GIT_BRANCH pull/5/head; for a branch the two are the same.
    job, git = env.get("BRANCH_NAME"), env.get("GIT_BRANCH")
    is_branch = job and git and job.value in (git.value, _after_remote(git.value))
    fetched = [env.get("sha1"), None if is_branch else git]  # sha1 is ghprb's own parameter
    change = find_change(
        numbers=[*(env.get(name) for name in _NUMBERS), env.get("BRANCH_NAME", parse=_number_of_gerrit)],
        refs=[] if is_merged(env) else [job, env.get("GIT_BRANCH")],
        names=[*fetched, *(fact and fact.map(_after_remote) for fact in fetched)],
        signs=[env.get(name) for name in _SIGNS],
    )
    nowhere = env.get("GIT_BRANCH", parse=one_of("FETCH_HEAD"))
    if nowhere and not change and not env.get("BRANCH_NAME", "TAG_NAME"):
        return gerrit_change(env) or Change("ref", nowhere.origin)
    return change


def _after_remote(name: str) -> str:
    """Return ``pr/5`` for ``origin/pr/5`` and ``refs/remotes/origin/pr/5``, whatever the remote's name is."""
    return re.sub(_REMOTES, "", name).partition("/")[2]


def _branch(env: Environ) -> Fact | None:
    """Return the multibranch job's branch, else the one that the Git plugin checked out, else gitlab-plugin's."""
    return (
        env.get("BRANCH_NAME", "GIT_LOCAL_BRANCH", parse=_local_branch)
        or env.get("GIT_BRANCH", parse=lambda name: _local_branch(_without_remote(name, env)))
        or env.get("gitlabBranch", "giteeBranch", parse=branch_name)
    )


def _without_remote(name: str, env: Environ) -> str:
    """Return the branch of ``origin/main``; a remote may have any name, so the clone's remotes and refs tell."""
    if name.startswith("refs/heads/"):
        return name.removeprefix("refs/heads/")
    name = re.sub(_REMOTES, "", name)
    known = sorted({*env.remotes, "origin"}, key=len, reverse=True)
    if "/" in name and not name.startswith(tuple(f"{remote}/" for remote in known)):
        return name.partition("/")[2] if env.has_ref(f"refs/remotes/{name}") else name
    return next((name.removeprefix(f"{remote}/") for remote in known if name.startswith(f"{remote}/")), name)


def _local_branch(name: str) -> str | None:
    return None if name in ("detached", "HEAD", "FETCH_HEAD") or name.startswith("refs/tags/") else name


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
