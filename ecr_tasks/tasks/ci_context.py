"""The `ci.context` task: show the facts of this CI run, and the variable or git fact that each comes from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ecr_tasks.console import Column, Styled, Text, document, result_table, warn
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.ci.context import CiContext
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.source_state import SourceState


@task(help={"json": "one JSON document on stdout"})
def context(run: Run, json: bool = False) -> None:
    """Show what we understood of this CI run.

    Each fact has the variable, or git's fact, that it comes from.
    """
    from ecr_tasks.source.git.read import git_state
    from ecr_tasks.source.read import ci_context

    source = git_state(run.project, environ=os.environ)
    ci = ci_context(run.project, source, environ=os.environ, settings=run.settings)
    if json:
        document(as_json(source, ci))
        return
    columns = (Column("name", meaning="strong"), Column("value", least=24), Column("from", 1, "dim", least=20))
    result_table(columns, as_rows(source, ci))
    for note in notes(source, ci):
        warn(note)


class Field(NamedTuple):
    """One field of the CI context; ``value`` is None if it is not known."""

    name: str
    value: str | bool | None
    origin: str | None


def fields(source: SourceState, ci: CiContext) -> tuple[Field, ...]:
    """Return the fields in the order of `ci.context --json`; fields that the CI doesn't tell come from git.

    ``source`` is git's own state, before it is merged with the CI's.
    """
    return (
        _from_ci(ci, "provider", ci.provider),
        _from_ci(ci, "event", ci.event),
        # In a run for a change or a tag, HEAD may be on any branch.
        _either(ci, "branch", ci.branch, None if ci.change or ci.tag else source.branch, "git HEAD"),
        _either(ci, "tag", ci.tag, None if ci.change else source.tag, "git tag"),
        _sha(source, ci),
        _from_ci(ci, "pull_request", ci.pull_request),
        _from_ci(ci, "build_number", ci.build_number),
        _either(ci, "default_branch", ci.default_branch, source.default_branch, "git refs/remotes/origin/HEAD"),
        _either(ci, "repository_url", ci.repository_url, source.remote_url, "git remote"),
        _from_ci(ci, "build_url", ci.build_url),
        _from_ci(ci, "change", ci.change),
        _from_ci(ci, "base_ref", ci.base_ref),
        _from_ci(ci, "fork", ci.fork),
        _from_ci(ci, "attempt", ci.attempt),
        _from_ci(ci, "actor", ci.actor),
        Field("checkout", source.revision, "git HEAD") if source.revision else _from_ci(ci, "checkout", ci.checkout),
    )


def notes(source: SourceState, ci: CiContext) -> tuple[str, ...]:
    """Return a warning if the commit that is checked out is not the CI's commit."""
    from ecr_tasks.source.merge_ci import contradiction

    difference = contradiction(source, ci)
    return (f"{difference}: tags and labels go by what is checked out.",) if difference else ()


def as_json(source: SourceState, ci: CiContext) -> dict[str, object]:
    """Return the JSON document: one key for each field, then ``origins`` and ``notes``."""
    shown = fields(source, ci)
    return {
        **{field.name: field.value for field in shown},
        "origins": {field.name: field.origin for field in shown if field.origin},
        "notes": list(notes(source, ci)),
    }


def as_rows(source: SourceState, ci: CiContext) -> Sequence[tuple[str, Text, str]]:
    """Return the rows of the table: name, value and origin of each field."""
    return [(field.name, _text(field.value), field.origin or "") for field in fields(source, ci)]


def _from_ci(ci: CiContext, name: str, value: str | bool | None) -> Field:
    return Field(name, value, None if value is None else ci.origins.get(name))


def _either(ci: CiContext, name: str, value: str | None, git_value: str | None, git_origin: str) -> Field:
    if value is not None or git_value is None:
        return _from_ci(ci, name, value)
    return Field(name, git_value, git_origin)


def _sha(source: SourceState, ci: CiContext) -> Field:
    """Return the commit, as a full id if git knows it; never a merge commit that the CI made for a pull request."""
    from ecr_tasks.source.merge_ci import same_commit

    if ci.sha and same_commit(source.revision, ci.sha):
        return Field("sha", source.revision, ci.origins.get("sha"))
    if ci.sha or source.revision is None or (ci.change and len(source.parents) > 1):
        return _from_ci(ci, "sha", ci.sha)
    if ci.change and same_commit(source.revision, ci.checkout):
        return _from_ci(ci, "sha", None)
    return Field("sha", source.revision, "git HEAD")


def _text(value: str | bool | None) -> Text:
    return Styled("-", "dim") if value is None else str(value).lower() if isinstance(value, bool) else value
