"""What ``ci.context`` shows: every field, and the variable or git's fact that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecr_tasks.ci.context import CiContext
from ecr_tasks.source.merge_ci import contradiction, same_commit
from ecr_tasks.source.state import SourceState


@dataclass(frozen=True)
class Shown:
    """One field, with None for what nobody knows."""

    name: str
    value: str | bool | None
    origin: str | None


def shown(source: SourceState, ci: CiContext) -> tuple[Shown, ...]:
    """The fields of interface.md in its order, then ours; what the CI does not tell is git's.

    ``source`` is git's own, before the merge: this is the CI's account of the run.
    """
    return (
        _told(ci, "provider", ci.provider),
        _told(ci, "event", ci.event),
        # With a pull request or a tag, the branch that HEAD is on says nothing of the run.
        _either(ci, "branch", ci.branch, None if ci.pull_request or ci.tag else source.branch, "git HEAD"),
        _either(ci, "tag", ci.tag, None if ci.pull_request else source.tag, "git tag"),
        _sha(source, ci),
        _told(ci, "pull_request", ci.pull_request),
        _told(ci, "build_number", ci.build_number),
        _either(ci, "default_branch", ci.default_branch, source.default_branch, "git refs/remotes/origin/HEAD"),
        _either(ci, "repository_url", ci.repository_url, source.remote_url, "git remote"),
        _told(ci, "build_url", ci.build_url),
        _told(ci, "base_ref", ci.base_ref),
        _told(ci, "fork", ci.fork),
        _told(ci, "attempt", ci.attempt),
        Shown("checkout", source.revision, "git HEAD") if source.revision else _told(ci, "checkout", ci.checkout),
    )


def notes(source: SourceState, ci: CiContext) -> tuple[str, ...]:
    """What a person should know of it: the checkout is another commit than the CI's."""
    found = contradiction(source, ci)
    return (f"{found}: tags and labels go by what is checked out.",) if found else ()


def as_json(source: SourceState, ci: CiContext) -> dict[str, object]:
    """One key a field, then ``origins`` and ``notes``."""
    fields = shown(source, ci)
    return {
        **{field.name: field.value for field in fields},
        "origins": {field.name: field.origin for field in fields if field.origin},
        "notes": list(notes(source, ci)),
    }


def as_rows(source: SourceState, ci: CiContext) -> Sequence[tuple[str, str, str]]:
    """Name, value and origin, for a table."""
    return [(field.name, _text(field.value), field.origin or "") for field in shown(source, ci)]


def _told(ci: CiContext, name: str, value: str | bool | None) -> Shown:
    return Shown(name, value, None if value is None else ci.origins.get(name))


def _either(ci: CiContext, name: str, told: str | None, git: str | None, where: str) -> Shown:
    if told is not None or git is None:
        return _told(ci, name, told)
    return Shown(name, git, where)


def _sha(source: SourceState, ci: CiContext) -> Shown:
    """In full where git knows it; a merge commit that the CI made is no pull request's head."""
    if ci.sha and same_commit(source.revision, ci.sha):
        return Shown("sha", source.revision, ci.origins.get("sha"))
    if ci.sha or source.revision is None or (ci.pull_request and len(source.parents) > 1):
        return _told(ci, "sha", ci.sha)
    if ci.pull_request and same_commit(source.revision, ci.checkout):
        return _told(ci, "sha", None)
    return Shown("sha", source.revision, "git HEAD")


def _text(value: str | bool | None) -> str:
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else value
