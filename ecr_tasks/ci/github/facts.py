"""The facts that GitHub Actions gives about a run; Gitea and Forgejo set the same variables.

Sources: GitHub Docs, "Variables reference" (default environment variables), "Events that trigger workflows"
(what GITHUB_REF and GITHUB_SHA are for each event), "Webhook events and payloads" (the event file).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecr_tasks.ci.change import Change, find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, branch_name, events, is_fork, one_of, tag_name
from ecr_tasks.ci.gerrit import gerrit_change
from ecr_tasks.console import warn_once
from ecr_tasks.documents import parse_json

RUN_VARIABLES = ("GITHUB_REPOSITORY", "GITHUB_RUN_ID")

_PAYLOAD = "GITHUB_EVENT_PATH"
_REQUEST = f"{_PAYLOAD}: pull_request"

_RUN = f"{_PAYLOAD}: workflow_run"

_EVENTS = events(
    push="push create release",  # a release is the push of its tag
    schedule="schedule",
    manual="workflow_dispatch repository_dispatch",
)
"""The event for each GITHUB_EVENT_NAME, without those that begin with ``pull_request``."""


def read_facts(env: Environ) -> Facts:
    """Return what GitHub's variables and the event file say about the run.

    GITHUB_SHA of a pull request is GitHub's merge commit. The head commit is only in the event file. For
    pull_request_target and comments, GITHUB_REF is the target or default branch.
    """
    env = env.plus(_payload(env))
    ref = env.get("GITHUB_REF")
    change = _change(env)
    head = env.get(f"{_REQUEST}.head.sha", f"{_RUN}.head_sha")
    return Facts(
        cause=env.get("GITHUB_EVENT_NAME", parse=_event),
        branch=(ref and ref.map(branch_name)) or _ref_name(env, "branch"),
        tag=(ref and ref.map(tag_name)) or _ref_name(env, "tag"),
        commit=env.get("GITHUB_SHA"),
        change=change,
        source_branch=env.get("GITHUB_HEAD_REF", f"{_REQUEST}.head.ref", f"{_RUN}.head_branch"),
        head=head if change and change.kind == "pull_request" else None,
        base_ref=env.get("GITHUB_BASE_REF", f"{_REQUEST}.base.ref")
        or env.get(f"{_PAYLOAD}: merge_group.base_ref", parse=branch_name),
        tag_base_ref=env.get(f"{_PAYLOAD}: base_ref", parse=branch_name),  # as in metadata-action
        fork=_fork(env),
        build_number=env.get("GITHUB_RUN_NUMBER"),
        attempt=env.get("GITHUB_RUN_ATTEMPT"),
        default_branch=env.get(f"{_PAYLOAD}: repository.default_branch"),
        repository_url=_repository(env),
        build_url=_run_page(env),
        actor=env.get("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"),
    )


def _event(name: str) -> str | None:
    return "pull_request" if name.startswith("pull_request") else _EVENTS.get(name)


def _change(env: Environ) -> Change | None:
    """Return the change that the run belongs to.

    These events may be a pull request's: its own, a comment on it (GitHub treats it as an issue), and another
    workflow's run. When a pull request is merged, the event ``closed`` is for the target branch and its commit.
    """
    ref, name = env.get("GITHUB_REF"), env.get("GITHUB_EVENT_NAME")
    number = env.get(f"{_REQUEST}.number")
    issue = f"{_PAYLOAD}: issue."
    # Its values may be null, as in Gitea; a comment on an issue has not even these.
    comment = next((Fact("true", name) for name in env.variables if name.startswith(f"{issue}pull_request.")), None)
    if comment:
        number = number or env.get(f"{issue}number")
    # A comment that peter-evans/slash-command-dispatch passed on.
    command = f"{_PAYLOAD}: client_payload.pull_request."
    number = number or env.get(f"{command}number")
    closed = env.get(f"{_PAYLOAD}: action", parse=one_of("closed"))
    if closed and name and name.value == "pull_request" and ref and branch_name(ref.value):
        return Change("closed_pull_request", closed.origin, number)
    other_run, queue = _other_run(env)
    group = (name and name.map(one_of("merge_group"))) or env.first(f"{_PAYLOAD}: merge_group.")
    return gerrit_change(env, f"{_PAYLOAD}: inputs.") or find_change(
        numbers=[number, env.get(f"{_RUN}.pull_requests[0].number") if other_run else None],
        refs=[ref],
        signs=[
            env.get("GITHUB_HEAD_REF", "GITHUB_BASE_REF"),
            env.first(f"{_REQUEST}."),
            env.first(command),
            comment,
            other_run,
        ],
        queue=group or queue,
    )


def _other_run(env: Environ) -> tuple[Fact | None, Fact | None]:
    """Return what makes the other workflow's run, which started this one, that of a change, or that of a queue.

    A run of another repository is a fork's. Its list of pull requests is no sign: they are those of the branch.
    """
    event = env.get(f"{_RUN}.event")
    fork = is_fork(env.get(f"{_RUN}.head_repository.full_name"), env.get("GITHUB_REPOSITORY"))
    change = event if event and event.value.startswith("pull_request") else None
    return (
        change or (fork and fork.map(one_of("true"))),
        event.map(one_of("merge_group")) if event else None,
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
    other_run = f"{_RUN}.head_repository.full_name"
    deleted = (
        Fact("true", head) if env.variables.get(head) == "" and f"{_REQUEST}.head.sha" in env.variables else None
    )
    return is_fork(env.get(f"{head}.full_name", other_run), env.get(base, "GITHUB_REPOSITORY")) or deleted


def _payload(env: Environ) -> dict[str, str]:
    """Return the values in the JSON document of the run's webhook, by origin; null becomes an empty text."""
    try:
        return dict(_values(parse_json(env.file(_PAYLOAD) or "{}"), f"{_PAYLOAD}:", " "))
    except ValueError as error:
        warn_once(f"{_PAYLOAD} names a file that is no event ({error}): what it says about this run is unknown.")
        return {}


def _values(value: Any, path: str, separator: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _values(child, f"{path}{separator}{key}", ".")
    elif isinstance(value, list):
        for child in value[:1]:  # the first is enough
            yield from _values(child, f"{path}[0]", ".")
    elif value is None or (isinstance(value, (str, int)) and not isinstance(value, bool)):
        yield path, "" if value is None else str(value)
