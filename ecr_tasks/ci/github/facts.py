"""GitHub Actions, and what speaks its language (Gitea, Forgejo).

Sources: GitHub Docs, "Variables reference" (default environment variables), "Events that trigger workflows"
(what GITHUB_REF and GITHUB_SHA are for each event), "Webhook events and payloads" (the event file).
"""

from __future__ import annotations

import json
from typing import Any

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, context, fact, pull_number, tag_name, why

_EVENT_FILE = "GITHUB_EVENT_PATH"

_PULL_REQUEST = frozenset(
    {"pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment"}
)

_EVENTS = {
    **dict.fromkeys(_PULL_REQUEST, "pull_request"),
    "push": "push",
    "create": "push",
    "release": "push",  # of a tag
    "schedule": "schedule",
    "workflow_dispatch": "manual",
    "repository_dispatch": "manual",
}


def here(env: Environ) -> Fact | None:
    """GITHUB_ACTIONS is always true in a workflow."""
    return env.flag("GITHUB_ACTIONS")


def read(env: Environ, provider: Fact) -> CiContext:
    """A pull request's GITHUB_SHA is a merge commit made by GitHub; the head commit is only in the event file."""
    payload = _Payload.of(env)
    name = env.get("GITHUB_EVENT_NAME")
    ref = env.get("GITHUB_REF")
    asked = name is not None and name.value in _PULL_REQUEST
    pull_request = (ref and ref.map(pull_number)) or (payload.get("pull_request", "number") if asked else None)
    tag = (ref and ref.map(tag_name)) or _short(env, "tag")
    built = env.get("GITHUB_SHA")
    return context(
        provider,
        event=why(name, _EVENTS, pull_request, tag),
        branch=(env.get("GITHUB_HEAD_REF") or payload.get("pull_request", "head", "ref"))
        if pull_request
        # A pull_request_target's GITHUB_REF is its target, so only without a pull request is it the branch.
        else (ref and ref.map(branch_name)) or _short(env, "branch"),
        tag=tag,
        sha=payload.get("pull_request", "head", "sha") if pull_request else built,
        checkout=built if pull_request else None,
        pull_request=pull_request,
        base_ref=env.get("GITHUB_BASE_REF") or payload.get("pull_request", "base", "ref"),
        fork=_fork(env, payload),
        build_number=env.get("GITHUB_RUN_NUMBER"),
        attempt=env.get("GITHUB_RUN_ATTEMPT"),
        default_branch=payload.get("repository", "default_branch"),
        repository_url=_repository(env),
        build_url=_run(env),
    )


def _short(env: Environ, kind: str) -> Fact | None:
    """GITHUB_REF_NAME, when GITHUB_REF_TYPE says that it is of this kind and GITHUB_REF says nothing."""
    told = env.get("GITHUB_REF_TYPE")
    return env.get("GITHUB_REF_NAME") if told and told.value == kind and not env.get("GITHUB_REF") else None


def _repository(env: Environ) -> Fact | None:
    slug = env.get("GITHUB_REPOSITORY")
    server = env.get("GITHUB_SERVER_URL") or Fact("https://github.com", "")
    return slug and Fact(f"{server.value.rstrip('/')}/{slug.value}", slug.origin)


def _run(env: Environ) -> Fact | None:
    """The form that "Variables reference" gives; Gitea and Forgejo have other numbers in theirs."""
    repository, run = _repository(env), env.get("GITHUB_RUN_ID")
    if env.flag("GITEA_ACTIONS", "FORGEJO_ACTIONS") or not repository or not run:
        return None
    return Fact(f"{repository.value}/actions/runs/{run.value}", run.origin)


def _fork(env: Environ, payload: _Payload) -> Fact | None:
    """By the repositories' names; the head's is null when the fork is deleted."""
    head = payload.get("pull_request", "head", "repo", "full_name")
    base = payload.get("pull_request", "base", "repo", "full_name") or env.get("GITHUB_REPOSITORY")
    if head and base:
        return Fact("true" if head.value.lower() != base.value.lower() else "false", head.origin)
    return Fact("true", f"{_EVENT_FILE}: pull_request.head.repo") if payload.lost_its_head() else None


class _Payload:
    """The webhook's document that started the run."""

    def __init__(self, document: object) -> None:
        self._document = document

    @classmethod
    def of(cls, env: Environ) -> _Payload:
        text = env.file(env.get(_EVENT_FILE))
        try:
            return cls(json.loads(text) if text else None)
        except (ValueError, RecursionError):  # no JSON, or nested beyond reason
            return cls(None)

    def get(self, *keys: str) -> Fact | None:
        found: Any = self._document
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, bool) or not isinstance(found, (str, int)):
            return None
        return fact(str(found), f"{_EVENT_FILE}: {'.'.join(keys)}")

    def lost_its_head(self) -> bool:
        found: Any = self._document
        for key in ("pull_request", "head"):
            found = found.get(key) if isinstance(found, dict) else None
        return isinstance(found, dict) and "sha" in found and "repo" in found and found["repo"] is None
