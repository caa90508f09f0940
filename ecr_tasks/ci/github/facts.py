"""The facts that GitHub Actions gives about a run; Gitea and Forgejo set the same variables.

Sources: GitHub Docs, "Variables reference" (default environment variables), "Events that trigger workflows"
(what GITHUB_REF and GITHUB_SHA are for each event), "Webhook events and payloads" (the event file).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ecr_tasks.ci.facts import Environ, Fact, Facts, branch_name, event_of, events, is_fork, pull_number, tag_name

RUN_VARIABLES = ("GITHUB_REPOSITORY", "GITHUB_RUN_ID")

_PAYLOAD = "GITHUB_EVENT_PATH"
_REQUEST = f"{_PAYLOAD}: pull_request"

_EVENTS = events(
    push="push create release",  # a release is the push of its tag
    pull_request="pull_request pull_request_target pull_request_review pull_request_review_comment",
    schedule="schedule",
    manual="workflow_dispatch repository_dispatch",
)


def read_facts(env: Environ) -> Facts:
    """Return what GitHub's variables and the event file say about the run.

    GITHUB_SHA of a pull request is GitHub's merge commit. The head commit is only in the event file.
    """
    env = env.plus(_payload(env))
    name = env.get("GITHUB_EVENT_NAME")
    request = env.get("GITHUB_REF", parse=pull_number)
    if name and _EVENTS.get(name.value) == "pull_request":
        request = request or env.get(f"{_REQUEST}.number")
    tag = env.get("GITHUB_REF", parse=tag_name) or _ref_name(env, "tag")
    # For pull_request_target, GITHUB_REF is the target branch: it counts only without a pull request.
    branch = env.get("GITHUB_REF", parse=branch_name) or _ref_name(env, "branch")
    return Facts(
        event=event_of(name, _EVENTS, request, tag),
        branch=env.get("GITHUB_HEAD_REF", f"{_REQUEST}.head.ref") if request else branch,
        tag=tag,
        sha=env.get(f"{_REQUEST}.head.sha") if request else env.get("GITHUB_SHA"),
        checkout=env.get("GITHUB_SHA"),
        pull_request=request,
        base_ref=env.get("GITHUB_BASE_REF", f"{_REQUEST}.base.ref"),
        tag_base_ref=env.get(f"{_PAYLOAD}: base_ref") if tag else None,  # as in metadata-action
        fork=_fork(env),
        build_number=env.get("GITHUB_RUN_NUMBER"),
        attempt=env.get("GITHUB_RUN_ATTEMPT"),
        default_branch=env.get(f"{_PAYLOAD}: repository.default_branch"),
        repository_url=_repository(env),
        build_url=_run_page(env),
    )


def _ref_name(env: Environ, kind: str) -> Fact | None:
    """Return GITHUB_REF_NAME, if GITHUB_REF_TYPE is this kind (branch or tag) and GITHUB_REF is not set."""
    ref_type = env.get("GITHUB_REF_TYPE")
    return env.get("GITHUB_REF_NAME") if ref_type and ref_type.value == kind and not env.get("GITHUB_REF") else None


def _repository(env: Environ) -> Fact | None:
    server = env.get("GITHUB_SERVER_URL") or Fact("https://github.com", "")
    return env.get("GITHUB_REPOSITORY", parse=lambda slug: f"{server.value.rstrip('/')}/{slug}")


def _run_page(env: Environ) -> Fact | None:
    """Return the address of the run's page (see "Variables reference"); None on Gitea and Forgejo, which differ."""
    repository = _repository(env)
    if env.flag("GITEA_ACTIONS", "FORGEJO_ACTIONS") or not repository:
        return None
    return env.get("GITHUB_RUN_ID", parse=lambda run: f"{repository.value}/actions/runs/{run}")


def _fork(env: Environ) -> Fact | None:
    """Return whether the head and base repositories differ; the head's is null when the fork was deleted."""
    head, base = f"{_REQUEST}.head.repo", f"{_REQUEST}.base.repo.full_name"
    deleted = (
        Fact("true", head) if env.variables.get(head) == "" and f"{_REQUEST}.head.sha" in env.variables else None
    )
    return is_fork(env.get(f"{head}.full_name"), env.get(base, "GITHUB_REPOSITORY")) or deleted


def _payload(env: Environ) -> dict[str, str]:
    """Return the values in the JSON document of the run's webhook, by origin; null becomes an empty text."""
    try:
        return dict(_values(json.loads(env.file(_PAYLOAD) or "{}"), f"{_PAYLOAD}:", " "))
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        return {}


def _values(value: Any, path: str, separator: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _values(child, f"{path}{separator}{key}", ".")
    elif value is None or (isinstance(value, (str, int)) and not isinstance(value, bool)):
        yield path, "" if value is None else str(value)
