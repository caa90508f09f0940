"""Facts: values of environment variables with their origin, and the rules that make a CiContext of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.web_url import web_url

Reader = Callable[[Path], str]
"""A function that returns the text of a file, and raises OSError or ValueError when it can't be read."""

Parser = Callable[[str], str | None]
"""A function that returns what a text contains; None or an empty text when it contains no such thing."""

_UNEXPANDED = re.compile(r"\$(?:\([^()]*\)|\{[^{}]*\})|%[\w.]+%")
"""A reference to a variable that the CI didn't replace: ``$(System.X)``, ``${ghprbX}``, ``%teamcity.x%``."""


@dataclass(frozen=True)
class Fact:
    """A value that is not empty, and the variable (or file and key) that it came from."""

    value: str
    origin: str

    def map(self, parse: Parser) -> Fact | None:
        """Return a Fact with the parsed value and the same origin; None when ``parse`` returns nothing."""
        value = parse(self.value)
        return Fact(value, self.origin) if value else None


def read_text(path: Path) -> str:
    """Return the text of a file, with a replacement character for each byte that is not UTF-8."""
    return path.read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True)
class Environ:
    """The environment variables of one process, and the function that reads the files that they name."""

    variables: Mapping[str, str]
    read: Reader = read_text

    def get(self, *names: str, parse: Parser = str) -> Fact | None:
        """Return the first of these variables that has a value, parsed.

        A text that is empty, blank or a reference to a variable that doesn't exist is no value.
        """
        for name in names:
            text = _readable(self.variables.get(name, "")).strip(" \t\r\n")
            if text and not _UNEXPANDED.fullmatch(text) and (fact := Fact(text, name).map(parse)):
                return fact
        return None

    def flag(self, *names: str) -> Fact | None:
        """Return the first of these variables that has a value other than ``false``, ``0``, ``no`` and ``off``."""
        return self.get(*names, parse=lambda text: None if text.lower() in ("false", "0", "no", "off") else text)

    def file(self, name: str) -> str:
        """Return the text of the file that this variable names; an empty text when it can't be read."""
        path = self.get(name)
        try:
            return self.read(Path(path.value)) if path else ""
        except (OSError, ValueError):
            return ""

    def plus(self, variables: Mapping[str, str]) -> Environ:
        """Return the environment with more variables, such as the values in a file."""
        return Environ({**self.variables, **variables}, self.read)


def after(prefix: str) -> Parser:
    """Return a parser that returns the text after the prefix; None for a text without it."""
    return lambda text: text.removeprefix(prefix) if text.startswith(prefix) else None


def group(pattern: str) -> Parser:
    """Return a parser that returns the first group of the pattern in its first match; None without a match."""
    return lambda text: match[1] if (match := re.search(pattern, text)) else None


def branch_name(name: str) -> str | None:
    """Return the branch of ``refs/heads/x`` or of a name without ``refs/``; None for another kind of ref."""
    return (
        None if name.startswith("refs/") and not name.startswith("refs/heads/") else name.removeprefix("refs/heads/")
    )


tag_name = after("refs/tags/")

pull_number = group(r"^refs/(?:pull|merge-requests|pull-requests)/([1-9][0-9]*)(?:/|$)")
"""Returns the number in ``refs/pull/5/merge``, and GitLab's ``merge-requests``, Bitbucket's ``pull-requests``."""


def positive_number(text: str) -> str | None:
    """Return the text if it is a number from 1; None for ``false``, ``0`` and anything else."""
    return text if re.fullmatch(r"[1-9][0-9]*", text) else None


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


def event_of(
    cause: Fact | None, events: Mapping[str, str], pull_request: Fact | None, tag: Fact | None
) -> Fact | None:
    """Return the event for the CI's own word, ``cause``.

    If the cause is a push or unknown, a run for a pull request or a tag is ``pull_request`` or ``tag``.
    """
    event = cause.map(events.get) if cause else None
    if event and event.value != "push":
        return event
    if pull_request:
        return Fact("pull_request", pull_request.origin)
    return Fact("tag", tag.origin) if tag else event


_PARSERS: Mapping[str, Parser] = {
    "branch": branch_name,
    "sha": commit_id,
    "pull_request": positive_number,
    "base_ref": branch_name,
    "tag_base_ref": branch_name,
    "fork": lambda text: "true" if text.lower() in ("true", "1", "yes") else "false",
    "attempt": positive_number,
    "default_branch": branch_name,
    "repository_url": web_url,
    "build_url": page_url,
    "checkout": commit_id,
}


@dataclass(frozen=True)
class Facts:
    """What one system says about a run: the fields of CiContext, not yet normalized. None where it says nothing.

    ``tag_base_ref`` is the branch that it names for a pushed tag.
    """

    event: Fact | None = None
    branch: Fact | None = None
    tag: Fact | None = None
    sha: Fact | None = None
    pull_request: Fact | None = None
    base_ref: Fact | None = None
    tag_base_ref: Fact | None = None
    fork: Fact | None = None
    build_number: Fact | None = None
    attempt: Fact | None = None
    default_branch: Fact | None = None
    repository_url: Fact | None = None
    build_url: Fact | None = None
    checkout: Fact | None = None

    def context(self, provider: Fact) -> CiContext:
        """Return the CiContext of these facts, by the rules that all systems share.

        Refs become names, and addresses lose their credentials. With a pull request there is no tag; without one
        there is no fork, and the target branch is the one that the system names for a tag. The checkout is left out
        where it is ``sha``.
        """
        facts = {name: fact and fact.map(_PARSERS.get(name, str)) for name, fact in vars(self).items()}
        tag_base_ref = facts.pop("tag_base_ref")
        if not facts["pull_request"]:
            facts["base_ref"] = tag_base_ref
        dropped = ["tag"] if facts["pull_request"] else ["fork"]
        sha, checkout = facts["sha"], facts["checkout"]
        if sha and checkout and sha.value == checkout.value:
            dropped.append("checkout")
        known = {name: fact for name, fact in facts.items() if fact and name not in dropped}
        values: dict[str, Any] = {name: fact.value for name, fact in known.items()}
        if "fork" in values:
            values["fork"] = values["fork"] == "true"
        origins = {name: fact.origin for name, fact in [("provider", provider), *known.items()]}
        return CiContext(provider.value, **values, origins=origins)


def _readable(text: str) -> str:
    """Return the text with ``\\xff`` in place of each byte that is not UTF-8, as source.git does."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
