"""AWS CodeBuild.

Sources: AWS CodeBuild User Guide, "Environment variables in build environments" and "GitHub webhook events".
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, context, tag_name, why

_EVENTS = {"PUSH": "push", "RELEASED": "push", "PRERELEASED": "push"}
"""CODEBUILD_WEBHOOK_EVENT; all of a pull request's begin with PULL_REQUEST."""


def here(env: Environ) -> Fact | None:
    """CODEBUILD_BUILD_ID is set in every build."""
    return env.get("CODEBUILD_BUILD_ID")


def read(env: Environ, provider: Fact) -> CiContext:
    """A bare name in CODEBUILD_SOURCE_VERSION may be a branch or a tag, so it is taken for neither."""
    trigger = env.get("CODEBUILD_WEBHOOK_TRIGGER")
    version = env.get("CODEBUILD_SOURCE_VERSION")
    head = env.get("CODEBUILD_WEBHOOK_HEAD_REF")
    request = _after(trigger, "pr/") or _after(version, "pr/")
    tag = _after(trigger, "tag/") or (head and head.map(tag_name)) or (version and version.map(_full_tag))
    branch = (head and head.map(branch_name)) or _after(trigger, "branch/") or (version and version.map(_full_branch))
    return context(
        provider,
        event=_event(env, request, tag),
        branch=None if tag and not request else branch,
        tag=tag,
        # CodePipeline's may be the id of an object in S3
        sha=env.get("CODEBUILD_RESOLVED_SOURCE_VERSION"),
        pull_request=request,
        base_ref=env.get("CODEBUILD_WEBHOOK_BASE_REF"),
        build_number=env.get("CODEBUILD_BUILD_NUMBER"),
        repository_url=env.get("CODEBUILD_SOURCE_REPO_URL"),
        build_url=env.get("CODEBUILD_BUILD_URL", "CODEBUILD_PUBLIC_BUILD_URL"),
    )


def _event(env: Environ, request: Fact | None, tag: Fact | None) -> Fact | None:
    """Without a webhook, CODEBUILD_INITIATOR says who started it.

    A person's is their name; those of services and of roles have a slash (codepipeline/…, rule/…), and a rule
    may be a schedule or an event.
    """
    hook = env.get("CODEBUILD_WEBHOOK_EVENT")
    if hook or env.get("CODEBUILD_WEBHOOK_TRIGGER"):
        trigger = env.get("CODEBUILD_WEBHOOK_TRIGGER")
        pushed = Fact("push", trigger.origin) if trigger and trigger.value.startswith("branch/") else None
        return why(hook, _EVENTS, request, tag) or pushed
    initiator = env.get("CODEBUILD_INITIATOR")
    if initiator and "/" not in initiator.value and initiator.value != "CodeBuild-Jenkins-Plugin":
        return Fact("manual", initiator.origin)
    return why(None, {}, request, None)


def _after(found: Fact | None, prefix: str) -> Fact | None:
    return found.map(lambda text: text.removeprefix(prefix) if text.startswith(prefix) else None) if found else None


def _full_branch(version: str) -> str | None:
    """``refs/heads/x``, or ``refs/heads/x^{commit}`` as a webhook's build has it."""
    return branch_name(_ref(version)) if version.startswith("refs/heads/") else None


def _full_tag(version: str) -> str | None:
    return tag_name(_ref(version))


def _ref(version: str) -> str:
    return re.sub(r"\^\{[^{}]*\}$", "", version)
