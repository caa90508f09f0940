"""The facts that AWS CodeBuild gives about a run.

Sources: AWS CodeBuild User Guide, "Environment variables in build environments" and "GitHub webhook events".
"""

from __future__ import annotations

import re

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, after, branch_name, events, group, tag_name

_EVENTS = events(push="PUSH RELEASED PRERELEASED")
"""The event for each CODEBUILD_WEBHOOK_EVENT; those that begin with PULL_REQUEST need no entry."""


def read_facts(env: Environ) -> Facts:
    """Return what CodeBuild's variables say about the run.

    A name without ``refs/`` in CODEBUILD_SOURCE_VERSION may be a branch or a tag: the clone tells which.
    """
    trigger, head, version = "CODEBUILD_WEBHOOK_TRIGGER", "CODEBUILD_WEBHOOK_HEAD_REF", "CODEBUILD_SOURCE_VERSION"
    tag = (
        env.get(trigger, parse=after("tag/"))
        or env.get(head, version, parse=lambda ref: tag_name(_without_commit_suffix(ref)))
        or env.get(version, parse=lambda name: name if _kind(name, env) == "tag" else None)
    )
    branch = (
        env.get(head, parse=branch_name)
        or env.get(trigger, parse=after("branch/"))
        or env.get(version, parse=lambda ref: after("refs/heads/")(_without_commit_suffix(ref)))
        or env.get(version, parse=lambda name: name if _kind(name, env) == "branch" else None)
    )
    commit = env.get("CODEBUILD_RESOLVED_SOURCE_VERSION")
    base = env.get("CODEBUILD_WEBHOOK_BASE_REF", parse=branch_name)
    pushed = env.get(trigger, parse=group("^(branch|tag)/")) or env.get("CODEBUILD_WEBHOOK_EVENT", parse=_EVENTS.get)
    source = env.get(version, parse=_without_commit_suffix)
    return Facts(
        cause=_cause(env),
        branch=branch,
        tag=tag,
        # For CodePipeline it may be the id of an object in S3, which is no commit.
        commit=commit,
        change=find_change(
            numbers=[env.get(trigger, parse=after("pr/"))],
            refs=[env.get(head), source],
            names=[source],
            signs=[env.get("CODEBUILD_WEBHOOK_EVENT", parse=after("PULL_REQUEST")), base if not pushed else None],
        ),
        source_branch=env.get(head, parse=branch_name),
        head=commit,
        base_ref=base,
        build_number=env.get("CODEBUILD_BUILD_NUMBER"),
        repository_url=env.get("CODEBUILD_SOURCE_REPO_URL"),
        build_url=env.get("CODEBUILD_BUILD_URL", "CODEBUILD_PUBLIC_BUILD_URL"),
        actor=env.get("CODEBUILD_INITIATOR", parse=_user),
    )


def _kind(name: str, env: Environ) -> str | None:
    """Return ``branch`` or ``tag`` for a name that the clone has as one of them only; for a commit, None."""
    branch = any(env.has_ref(f"refs/{kind}/{name}") for kind in ("heads", "remotes/origin"))
    tag = env.has_ref(f"refs/tags/{name}")
    return None if branch == tag else "branch" if branch else "tag"


def _cause(env: Environ) -> Fact | None:
    """Return the event: the webhook's or, without one, ``manual`` when CODEBUILD_INITIATOR is a person's name."""
    event, trigger = env.get("CODEBUILD_WEBHOOK_EVENT"), env.get("CODEBUILD_WEBHOOK_TRIGGER")
    if event or trigger:
        push = Fact("push", trigger.origin) if trigger and trigger.value.startswith("branch/") else None
        return (event and event.map(_EVENTS.get)) or push
    user = env.get("CODEBUILD_INITIATOR", parse=_user)
    return Fact("manual", user.origin) if user else None


def _user(initiator: str) -> str | None:
    """Return the name of a person who started the build.

    The names of services and roles have a slash (codepipeline/…, rule/…), and a rule may be a schedule or an event.
    """
    return initiator if "/" not in initiator and initiator != "CodeBuild-Jenkins-Plugin" else None


def _without_commit_suffix(ref: str) -> str:
    """Return ``refs/heads/x`` for ``refs/heads/x^{commit}``, the form in a webhook's build."""
    return re.sub(r"\^\{[^{}]*\}$", "", ref)
