"""The event that the rules are applied to: what was pushed or requested, and the values of global expressions.

metadata-action derives the event from GitHub's ref. Without a CI system, the branch that is checked out counts as
pushed, and so does a tag at HEAD: a laptop gets the tags of both CI runs.
"""

from __future__ import annotations

from datetime import datetime

from ecr_tasks.frozen import dataclass
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags import dates
from ecr_tasks.tags.template import Expression, Template


@dataclass(frozen=True)
class Event:
    """One event. Each of ``branch``, ``tag`` and ``pull_request`` is None if the event is not for it.

    ``revision`` is the commit in tags and labels; the user can choose a pull request's head for it.
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
        """Return the event's name in words; for a change it is the change with its variable, whatever started it."""
        return self.source.change_name or (self.source.event or "run without a CI event").replace("_", " ")

    @property
    def builds_revision(self) -> bool:
        """Return whether the revision is what is built; a pull request's head is not if CI builds a merge."""
        return bool(self.revision) and self.revision == self.source.revision

    def origin(self, name: str) -> str:
        """Return the variable that a field of the source comes from, in parentheses; empty if it comes from git."""
        variable = self.source.origins.get(name)
        return f" ({variable})" if variable else ""

    def value(self, expression: Expression) -> str:
        """Return a global expression's value. Its time zone must exist."""
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

    ``now`` is the time of ``{{date}}``, ``short_sha`` the length of a short commit id. With ``head``, the
    revision of a pull request is its head, although CI may build a merge of it.
    """
    branch, tag, pull_request = _ref(source)
    revision = source.head if head and source.is_change and source.head else source.revision
    short_revision = (revision or "")[:short_sha]
    return Event(source, now, branch, tag, pull_request, revision, short_revision, _is_default(source, branch))


def _ref(source: SourceState) -> tuple[str | None, str | None, str | None]:
    """Return branch, tag and pull request, each None unless the event is for it.

    A change comes first, whatever the event is: a build started again by hand is still no push to the source
    branch, which may be called ``main`` in a fork. Only a pull request has a tag of its own: an entry of a merge
    queue is built once, and the run of a closing is on the target's commit.
    """
    branch, tag = source.branch or None, source.tag or None
    if source.is_change:
        is_request = source.change in (None, "pull_request")
        return None, None, (source.pull_request or None) if is_request else None
    if source.event == "tag":
        return None, tag, None
    if source.event == "push":
        return branch, None, None
    if source.event in ("schedule", "manual"):
        return branch, None if branch else tag, None
    return branch, tag, None


def _is_default(source: SourceState, branch: str | None) -> bool:
    """Return whether the branch is the default one, as metadata-action does; a schedule without a branch is."""
    if branch is not None and source.default_branch:
        return branch == source.default_branch
    return source.event == "schedule" and not source.is_change
