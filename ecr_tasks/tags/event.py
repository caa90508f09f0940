"""The event that the rules are applied to: what was pushed or requested, and the values of global expressions.

metadata-action decides by GitHub's ref. Where no CI system names an event, a branch that is checked out counts as
pushed, and a tag at HEAD as well: a laptop gets what CI's runs for both would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags import dates
from ecr_tasks.tags.template import Expression, Template


@dataclass(frozen=True)
class Event:
    """One event. Of ``branch``, ``tag`` and ``pull_request`` those are None that it isn't for.

    ``revision`` is the commit in tags and labels, which the user may have chosen to be a pull request's head.
    """

    source: SourceState
    now: datetime
    branch: str | None
    tag: str | None
    pull_request: str | None
    revision: str | None
    short_revision: str
    is_default_branch: bool

    @property
    def name(self) -> str:
        """Return the event's name in words: a pull request's run is one, whatever started it."""
        name = "pull_request" if self.source.is_pull_request else self.source.event
        return (name or "run without a CI event").replace("_", " ")

    @property
    def builds_revision(self) -> bool:
        """Return whether the revision is what is built: a pull request's head isn't where CI builds a merge."""
        return bool(self.revision) and self.revision == self.source.revision

    def origin(self, name: str) -> str:
        """Return the variable that a field of the source comes from, in parentheses; empty where it is git's own."""
        variable = self.source.origins.get(name)
        return f" ({variable})" if variable else ""

    def value(self, expression: Expression) -> str:
        """Return a global expression's value. Its time zone must be one that exists."""
        name = expression.name
        if name in ("date", "commit_date"):
            moment = self.source.commit_time if name == "commit_date" else None
            zone = dates.time_zone(expression.options.get("tz", "UTC"))
            return dates.render(moment or self.now, expression.argument or "", zone)
        values = {
            "branch": self.branch,
            "tag": self.tag,
            "sha": self.short_revision,
            "base_ref": None if self.branch is not None and self.pull_request is None else self.source.base_ref,
            "is_default_branch": str(self.is_default_branch).lower(),
            "is_not_default_branch": str(not self.is_default_branch).lower(),
        }
        return values[name] or ""

    def render(self, template: Template) -> str:
        """Return the text of a template of global expressions."""
        return template.render(self.value)


def event_of(source: SourceState, now: datetime, short_sha: int, *, head: bool) -> Event:
    """Return the event of a source.

    ``now`` is the time of ``{{date}}``, ``short_sha`` the length of a short commit id. ``head`` makes a pull
    request's head its revision, although CI may build a merge of it.
    """
    branch, tag, pull_request = _ref(source)
    revision = source.head if head and source.is_pull_request and source.head else source.revision
    short_revision = (revision or "")[:short_sha]
    return Event(source, now, branch, tag, pull_request, revision, short_revision, _is_default(source, branch))


def _ref(source: SourceState) -> tuple[str | None, str | None, str | None]:
    """Return branch, tag and pull request, each None unless the event is for it.

    A pull request comes first, whatever the event is: rebuilt by hand, it is still no push to its source branch,
    which in a fork may be called ``main``.
    """
    branch, tag = source.branch or None, source.tag or None
    if source.is_pull_request:
        return None, None, source.pull_request or None
    if source.event == "tag":
        return None, tag, None
    if source.event == "push":
        return branch, None, None
    if source.event in ("schedule", "manual"):
        return branch, None if branch else tag, None
    return branch, tag, None


def _is_default(source: SourceState, branch: str | None) -> bool:
    """Decide as metadata-action does; a schedule without a known branch runs on the default one."""
    if branch is not None and source.default_branch:
        return branch == source.default_branch
    return source.event == "schedule" and not source.is_pull_request
