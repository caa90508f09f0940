"""Facts about a run: the parsers of what systems say, and the rules that make a CiContext of the facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ecr_tasks.ci.change import Change, change_of_branch, change_of_ref
from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.environ import Fact, Parser
from ecr_tasks.ci.web_url import web_url
from ecr_tasks.frozen import dataclass


def after(prefix: str) -> Parser:
    """Return a parser that returns the text after the prefix; None for a text without it."""
    return lambda text: text.removeprefix(prefix) if text.startswith(prefix) else None


def group(pattern: str) -> Parser:
    """Return a parser that returns the first group of the pattern in its first match; None without a match."""
    return lambda text: match[1] if (match := re.search(pattern, text)) else None


def one_of(*words: str) -> Parser:
    """Return a parser that returns the text if it is one of these words."""
    return lambda text: text if text in words else None


def branch_name(name: str) -> str | None:
    """Return the branch of ``refs/heads/x`` or of a name without ``refs/``; None for another kind of ref."""
    return (
        None if name.startswith("refs/") and not name.startswith("refs/heads/") else name.removeprefix("refs/heads/")
    )


tag_name = after("refs/tags/")


_COMMIT_LENGTHS = (40, 64)
"""The lengths of a whole commit id: SHA-1 and SHA-256."""


def commit_id(text: str) -> str | None:
    """Return the commit id, perhaps shortened; None for a name such as ``HEAD`` and for git's id of zeros."""
    text = text.lower()
    return text if re.fullmatch(r"[0-9a-f]{7,64}", text) and text.strip("0") else None


def page_url(url: str) -> str | None:
    """Return the http address of a page without user and password; None for any other text."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f\x7f\\]", url):
            return None
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        return None


def attempt_after(retries: str) -> str | None:
    """Return the attempt's number after this number of retries: one more."""
    return str(int(retries) + 1) if re.fullmatch(r"[0-9]{1,9}", retries) else None


def is_fork(source: Fact | None, target: Fact | None) -> Fact | None:
    """Return ``false`` if a pull request's two repositories are the same (case is ignored), else ``true``.

    Returns None when one of them is unknown.
    """
    if source is None or target is None:
        return None
    return Fact("false" if source.value.lower() == target.value.lower() else "true", source.origin)


def events(**words: str) -> Mapping[str, str]:
    """Return the event (see CiContext) by the CI's own words; spaces separate the words of each argument."""
    return {word: event for event, text in words.items() for word in text.split()}


_PARSERS: Mapping[str, Parser] = {
    "sha": commit_id,
    "fork": lambda text: "true" if text.lower() in ("true", "1", "yes") else "false",
    "attempt": lambda text: text if re.fullmatch(r"[1-9][0-9]*", text) else None,
    "repository_url": web_url,
    "build_url": page_url,
    "checkout": commit_id,
}


@dataclass(frozen=True)
class Facts:
    """What one system says about a run, not yet normalized. None where it says nothing."""

    cause: Fact | None = None
    """What started the run: push, pull_request, schedule or manual."""
    branch: Fact | None = None
    """The branch that the run is for, without ``refs/heads/``. A run for a change may have one as well."""
    tag: Fact | None = None
    commit: Fact | None = None
    """The commit that the CI names; for a change it may be a merge commit that the CI made."""
    change: Change | None = None
    """The change that the run belongs to, unless the branch tells of it."""
    source_branch: Fact | None = None
    """The change's own branch."""
    head: Fact | None = None
    """The change's own last commit."""
    base_ref: Fact | None = None
    tag_base_ref: Fact | None = None
    """The branch that the system names for a pushed tag."""
    fork: Fact | None = None
    open_request: Fact | None = None
    """The number of a pull request from the branch, in a run that is for the branch."""
    build_number: Fact | None = None
    attempt: Fact | None = None
    default_branch: Fact | None = None
    repository_url: Fact | None = None
    build_url: Fact | None = None
    actor: Fact | None = None
    """Who started the run."""

    def context(self, provider: Fact) -> CiContext:
        """Return the CiContext of these facts, by the rules that all systems share.

        First it is decided whether the run belongs to a change, and only then which event it is. With a change there
        is no tag, and the branch is the change's own; without one there is no fork, and no target branch but a
        tag's. Addresses lose their credentials. The checkout is left out where it is ``sha``.
        """
        change = self.change
        if change is None and self.branch:
            change = change_of_branch(self.branch) or change_of_ref(self.branch)
        if change is None and self.cause and self.cause.value == "pull_request":
            change = Change("pull_request", self.cause.origin)
        facts = {
            "event": self._event(change),
            "branch": self._branch(change),
            "tag": None if change else self.tag,
            "sha": self._sha(change),
            "change": change and Fact(change.kind, change.origin),
            "pull_request": change.number if change else self.open_request,
            "base_ref": self.base_ref if change else self.tag_base_ref if self.tag else None,
            "fork": self.fork if change else None,
            "checkout": self.commit if change else None,
            **{name: getattr(self, name) for name in _UNCHANGED},
        }
        known = {name: fact for name, parsed in facts.items() if parsed and (fact := _parse(name, parsed))}
        sha, checkout = known.get("sha"), known.get("checkout")
        if sha and checkout and sha.value == checkout.value:
            del known["checkout"]
        values: dict[str, Any] = {name: fact.value for name, fact in known.items()}
        if "fork" in values:
            values["fork"] = values["fork"] == "true"
        origins = {name: fact.origin for name, fact in [("provider", provider), *known.items()]}
        return CiContext(provider.value, **values, origins=origins)

    def _event(self, change: Change | None) -> Fact | None:
        """Return the event: the cause, but a push of a pull request's commit or of a tag is named after these."""
        if self.cause and self.cause.value != "push":
            return self.cause
        if change:
            return Fact("pull_request", change.origin) if change.kind.endswith("pull_request") else self.cause
        return Fact("tag", self.tag.origin) if self.tag else self.cause

    def _branch(self, change: Change | None) -> Fact | None:
        if change is None:
            # Who starts a run for a commit may get its id in place of a branch.
            named = self.branch and not (commit_id(self.branch.value) and len(self.branch.value) in _COMMIT_LENGTHS)
            return self.branch if named and not self.tag else None
        branch = self.source_branch or (self.branch if change.kind == "merge_queue" else None)
        return None if branch and branch.value.startswith("refs/") and change_of_ref(branch) else branch

    def _sha(self, change: Change | None) -> Fact | None:
        """Return the change's last commit, where the system tells it; an entry of a queue has no other commit."""
        if change is None:
            return self.commit
        return self.head or (None if change.kind == "pull_request" else self.commit)


_UNCHANGED = ("build_number", "attempt", "default_branch", "repository_url", "build_url", "actor")


def _parse(name: str, fact: Fact) -> Fact | None:
    return fact.map(_PARSERS.get(name, str))
