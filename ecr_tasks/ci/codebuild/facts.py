"""The facts that AWS CodeBuild gives about a run.

Sources: AWS CodeBuild User Guide, "Environment variables in build environments" and "GitHub webhook events".
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, event_of, make_context, tag_name

_EVENTS = {"PUSH": "push", "RELEASED": "push", "PRERELEASED": "push"}
"""The event for each CODEBUILD_WEBHOOK_EVENT; those that begin with PULL_REQUEST need no entry."""


def marker(env: Environ) -> Fact | None:
    """Return CODEBUILD_BUILD_ID, which is set in every build."""
    return env.get("CODEBUILD_BUILD_ID")


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what CodeBuild's variables say about the run.

    A name without ``refs/`` in CODEBUILD_SOURCE_VERSION may be a branch or a tag, so it is not used.
    """
    trigger = env.get("CODEBUILD_WEBHOOK_TRIGGER")
    version = env.get("CODEBUILD_SOURCE_VERSION")
    head = env.get("CODEBUILD_WEBHOOK_HEAD_REF")
    request = _after(trigger, "pr/") or _after(version, "pr/")
    tag = _after(trigger, "tag/") or (head and head.map(tag_name)) or (version and version.map(_full_tag))
    branch = (head and head.map(branch_name)) or _after(trigger, "branch/") or (version and version.map(_full_branch))
    return make_context(
        provider,
        event=_event(env, request, tag),
        branch=None if tag and not request else branch,
        tag=tag,
        # For CodePipeline it may be the id of an object in S3, which is no commit.
        sha=env.get("CODEBUILD_RESOLVED_SOURCE_VERSION"),
        pull_request=request,
        base_ref=env.get("CODEBUILD_WEBHOOK_BASE_REF"),
        build_number=env.get("CODEBUILD_BUILD_NUMBER"),
        repository_url=env.get("CODEBUILD_SOURCE_REPO_URL"),
        build_url=env.get("CODEBUILD_BUILD_URL", "CODEBUILD_PUBLIC_BUILD_URL"),
    )


def _event(env: Environ, request: Fact | None, tag: Fact | None) -> Fact | None:
    """Return the event: the webhook's or, without one, ``manual`` when CODEBUILD_INITIATOR is a person's name.

    The names of services and roles have a slash (codepipeline/…, rule/…), and a rule may be a schedule or an event.
    """
    event = env.get("CODEBUILD_WEBHOOK_EVENT")
    if event or env.get("CODEBUILD_WEBHOOK_TRIGGER"):
        trigger = env.get("CODEBUILD_WEBHOOK_TRIGGER")
        push = Fact("push", trigger.origin) if trigger and trigger.value.startswith("branch/") else None
        return event_of(event, _EVENTS, request, tag) or push
    initiator = env.get("CODEBUILD_INITIATOR")
    if initiator and "/" not in initiator.value and initiator.value != "CodeBuild-Jenkins-Plugin":
        return Fact("manual", initiator.origin)
    return event_of(None, {}, request, None)


def _after(item: Fact | None, prefix: str) -> Fact | None:
    return item.map(lambda text: text.removeprefix(prefix) if text.startswith(prefix) else None) if item else None


def _full_branch(version: str) -> str | None:
    """Return the branch of ``refs/heads/x``, or of ``refs/heads/x^{commit}`` as a webhook's build has it."""
    return branch_name(_ref(version)) if version.startswith("refs/heads/") else None


def _full_tag(version: str) -> str | None:
    return tag_name(_ref(version))


def _ref(version: str) -> str:
    return re.sub(r"\^\{[^{}]*\}$", "", version)
