"""The facts that GitHub Actions gives about a run, and Gitea and Forgejo, which set the same variables.

Sources: GitHub Docs, "Variables reference" (default environment variables), "Events that trigger workflows"
(what GITHUB_REF and GITHUB_SHA are for each event), "Webhook events and payloads" (the event file).
"""

from __future__ import annotations

import json
from typing import Any

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, event_of, fact, make_context, pull_number, tag_name

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


def marker(env: Environ) -> Fact | None:
    """Return GITHUB_ACTIONS, which is true in every workflow."""
    return env.flag("GITHUB_ACTIONS")


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what GitHub's variables and the event file say about the run.

    GITHUB_SHA of a pull request is GitHub's merge commit. The head commit is only in the event file.
    """
    payload = _Payload.read(env)
    name = env.get("GITHUB_EVENT_NAME")
    ref = env.get("GITHUB_REF")
    is_request = name is not None and name.value in _PULL_REQUEST
    pull_request = (ref and ref.map(pull_number)) or (payload.get("pull_request", "number") if is_request else None)
    tag = (ref and ref.map(tag_name)) or _ref_name(env, "tag")
    checkout = env.get("GITHUB_SHA")
    return make_context(
        provider,
        event=event_of(name, _EVENTS, pull_request, tag),
        branch=(env.get("GITHUB_HEAD_REF") or payload.get("pull_request", "head", "ref"))
        if pull_request
        # For pull_request_target, GITHUB_REF is the target branch: it counts only without a pull request.
        else (ref and ref.map(branch_name)) or _ref_name(env, "branch"),
        tag=tag,
        sha=payload.get("pull_request", "head", "sha") if pull_request else checkout,
        checkout=checkout if pull_request else None,
        pull_request=pull_request,
        base_ref=env.get("GITHUB_BASE_REF") or payload.get("pull_request", "base", "ref"),
        fork=_fork(env, payload),
        build_number=env.get("GITHUB_RUN_NUMBER"),
        attempt=env.get("GITHUB_RUN_ATTEMPT"),
        default_branch=payload.get("repository", "default_branch"),
        repository_url=_repository(env),
        build_url=_run_page(env),
    )


def _ref_name(env: Environ, kind: str) -> Fact | None:
    """Return GITHUB_REF_NAME, if GITHUB_REF_TYPE is this kind (branch or tag) and GITHUB_REF is not set."""
    ref_type = env.get("GITHUB_REF_TYPE")
    return env.get("GITHUB_REF_NAME") if ref_type and ref_type.value == kind and not env.get("GITHUB_REF") else None


def _repository(env: Environ) -> Fact | None:
    slug = env.get("GITHUB_REPOSITORY")
    server = env.get("GITHUB_SERVER_URL") or Fact("https://github.com", "")
    return slug and Fact(f"{server.value.rstrip('/')}/{slug.value}", slug.origin)


def _run_page(env: Environ) -> Fact | None:
    """Return the address of the run's page as "Variables reference" has it; Gitea's and Forgejo's is another one."""
    repository, run = _repository(env), env.get("GITHUB_RUN_ID")
    if env.flag("GITEA_ACTIONS", "FORGEJO_ACTIONS") or not repository or not run:
        return None
    return Fact(f"{repository.value}/actions/runs/{run.value}", run.origin)


def _fork(env: Environ, payload: _Payload) -> Fact | None:
    """Return whether the repositories' names differ; the head's is null when the fork was deleted."""
    head = payload.get("pull_request", "head", "repo", "full_name")
    base = payload.get("pull_request", "base", "repo", "full_name") or env.get("GITHUB_REPOSITORY")
    if head and base:
        return Fact("true" if head.value.lower() != base.value.lower() else "false", head.origin)
    return Fact("true", f"{_EVENT_FILE}: pull_request.head.repo") if payload.head_is_deleted() else None


class _Payload:
    """The JSON document of the webhook that started the run."""

    def __init__(self, document: object) -> None:
        self._document = document

    @classmethod
    def read(cls, env: Environ) -> _Payload:
        text = env.file(env.get(_EVENT_FILE))
        try:
            return cls(json.loads(text) if text else None)
        except (ValueError, RecursionError):  # no JSON, or nested too deeply
            return cls(None)

    def get(self, *keys: str) -> Fact | None:
        value = self._value(*keys)
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            return None
        return fact(str(value), f"{_EVENT_FILE}: {'.'.join(keys)}")

    def head_is_deleted(self) -> bool:
        head = self._value("pull_request", "head")
        return isinstance(head, dict) and "sha" in head and "repo" in head and head["repo"] is None

    def _value(self, *keys: str) -> Any:
        value: Any = self._document
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value
