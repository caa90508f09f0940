"""What the rules can see of a source: its ref as the event has it, and the values of global expressions.

metadata-action decides by GitHub's ref. Where no CI tells of an event, a branch that is checked out counts as
pushed, and a tag at HEAD as well: a laptop gets what both runs of CI together would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecr_tasks.source.state import SourceState
from ecr_tasks.tags import dates
from ecr_tasks.tags.template import Expression, Template

SHORT_SHA = 7


@dataclass(frozen=True)
class Facts:
    """The source in the rules' terms. ``branch`` and ``tag`` are None unless they are what was pushed.

    ``revision`` is the commit that tags and labels tell, which a pull request's head may be by the user's wish.
    """

    source: SourceState
    now: datetime
    branch: str | None
    tag: str | None
    pull_request: str | None
    revision: str | None
    short: str
    is_default_branch: bool

    @property
    def tells_sources(self) -> bool:
        """Whether the revision stands for what is built: a pull request's head does not stand for a merge of it."""
        return bool(self.revision) and self.revision == self.source.revision

    def origin(self, name: str) -> str:
        """Where a field of the source came from, in parentheses; empty when git knows it itself."""
        found = self.source.origins.get(name)
        return f" ({found})" if found else ""

    @property
    def event(self) -> str:
        """The event, in words: a pull request's run is one, whatever started it."""
        event = "pull_request" if self.source.is_pull_request else self.source.event
        return (event or "run without a CI event").replace("_", " ")

    def value(self, expression: Expression) -> str:
        """A global expression's value; its time zone is known to be one."""
        name = expression.name
        if name in ("date", "commit_date"):
            moment = self.source.commit_time if name == "commit_date" else None
            zone = dates.time_zone(expression.options.get("tz", "UTC"))
            return dates.render(moment or self.now, expression.argument or "", zone)
        values = {
            "branch": self.branch,
            "tag": self.tag,
            "sha": self.short,
            "base_ref": None if self.branch is not None and self.pull_request is None else self.source.base_ref,
            "is_default_branch": str(self.is_default_branch).lower(),
            "is_not_default_branch": str(not self.is_default_branch).lower(),
        }
        return values[name] or ""

    def render(self, template: Template) -> str:
        """A template of global expressions."""
        return template.render(self.value)


def facts_of(source: SourceState, now: datetime, short_sha: int = SHORT_SHA, *, head: bool = False) -> Facts:
    """The facts of a source; ``now`` is what ``{{date}}`` tells, ``short_sha`` a short commit id's length.

    ``head``: of a pull request, its head is the revision, although CI may build a merge of it.
    """
    branch, tag, pull_request = _ref(source)
    revision = source.head if head and source.is_pull_request and source.head else source.revision
    return Facts(
        source=source,
        now=now,
        branch=branch,
        tag=tag,
        pull_request=pull_request,
        revision=revision,
        short=(revision or "")[:short_sha],
        is_default_branch=_is_default(source, branch),
    )


def _ref(source: SourceState) -> tuple[str | None, str | None, str | None]:
    """Return branch, tag and pull request, each None unless the run is for it.

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
    """As metadata-action: only a branch can be it; a schedule runs on it, where we don't know better."""
    if branch is not None and source.default_branch:
        return branch == source.default_branch
    return source.event == "schedule" and not source.is_pull_request
