"""Facts: values of environment variables with their origin; and the function that makes a CiContext of them."""

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

_UNEXPANDED = re.compile(r"\$(?:\([^()]*\)|\{[^{}]*\})|%[\w.]+%")
"""A reference to a variable that the CI didn't replace: ``$(System.X)``, ``${ghprbX}``, ``%teamcity.x%``."""


@dataclass(frozen=True)
class Fact:
    """A value that is not empty, and the variable (or file and key) that it came from."""

    value: str
    origin: str

    def map(self, change: Callable[[str], str | None]) -> Fact | None:
        """Return a Fact with the changed value and the same origin; None when ``change`` returns nothing."""
        value = change(self.value)
        return Fact(value, self.origin) if value else None


def fact(value: str | None, origin: str) -> Fact | None:
    """Return the value as a Fact; None when it is empty, blank or a reference to a variable that doesn't exist."""
    text = _readable(value or "").strip(" \t\r\n")
    return Fact(text, origin) if text and not _UNEXPANDED.fullmatch(text) else None


class Environ:
    """The environment variables of one process, and the files that they name."""

    def __init__(self, variables: Mapping[str, str], read: Reader | None = None) -> None:
        self._variables = variables
        self._read = read or _read_text

    def get(self, *names: str) -> Fact | None:
        """Return the first of these variables that has a value."""
        facts = (fact(self._variables.get(name), name) for name in names)
        return next((item for item in facts if item), None)

    def flag(self, *names: str) -> Fact | None:
        """Return the first of these variables that has a value, if that is not ``false``, ``0``, ``no``, ``off``."""
        item = self.get(*names)
        return item if item and item.value.lower() not in ("false", "0", "no", "off") else None

    def file(self, path: Fact | None) -> str | None:
        """Return the text of the file at that path; None when it can't be read."""
        if path is None:
            return None
        try:
            return self._read(Path(path.value))
        except (OSError, ValueError):
            return None


def branch_name(name: str) -> str | None:
    """Return the branch of ``refs/heads/x`` or of a name without ``refs/``; None for another kind of ref."""
    if name.startswith("refs/heads/"):
        return name.removeprefix("refs/heads/")
    return None if name.startswith("refs/") else name


def tag_name(ref: str) -> str | None:
    """Return the tag of ``refs/tags/x``; None for anything else."""
    return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None


def pull_number(ref: str) -> str | None:
    """Return the number in ``refs/pull/5/merge``, and GitLab's ``merge-requests``, Bitbucket's ``pull-requests``."""
    match = re.match(r"refs/(?:pull|merge-requests|pull-requests)/([1-9][0-9]*)(?:/|$)", ref)
    return match[1] if match else None


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
    """Return the number of the attempt after so many retries."""
    return str(int(retries) + 1) if re.fullmatch(r"[0-9]{1,9}", retries) else None


def truth_value(text: str) -> str:
    """Return ``true`` or ``false``."""
    return "true" if text.lower() in ("true", "1", "yes") else "false"


def event_of(
    cause: Fact | None, events: Mapping[str, str], pull_request: Fact | None, tag: Fact | None
) -> Fact | None:
    """Return the event (see CiContext) for the CI's own word, ``cause``.

    A push, or an unknown cause, is ``pull_request`` or ``tag`` when the run is for one.
    """
    event = cause.map(events.get) if cause else None
    if event and event.value != "push":
        return event
    if pull_request:
        return Fact("pull_request", pull_request.origin)
    return Fact("tag", tag.origin) if tag else event


def make_context(
    provider: Fact,
    *,
    event: Fact | None = None,
    branch: Fact | None = None,
    tag: Fact | None = None,
    sha: Fact | None = None,
    pull_request: Fact | None = None,
    base_ref: Fact | None = None,
    fork: Fact | None = None,
    build_number: Fact | None = None,
    attempt: Fact | None = None,
    default_branch: Fact | None = None,
    repository_url: Fact | None = None,
    build_url: Fact | None = None,
    checkout: Fact | None = None,
) -> CiContext:
    """Return the CiContext of these facts, by the rules that all systems share.

    Refs become names, and addresses lose their credentials. With a pull request there is no tag; without one there
    are no target branch and no fork.
    """
    sha, checkout = (item and item.map(commit_id) for item in (sha, checkout))
    pull_request = pull_request and pull_request.map(positive_number)
    facts = {
        "provider": provider,
        "event": event,
        "branch": branch and branch.map(branch_name),
        "tag": None if pull_request else tag,
        "sha": sha,
        "pull_request": pull_request,
        "base_ref": base_ref.map(branch_name) if base_ref and pull_request else None,
        "fork": fork.map(truth_value) if fork and pull_request else None,
        "build_number": build_number,
        "attempt": attempt and attempt.map(positive_number),
        "default_branch": default_branch and default_branch.map(branch_name),
        "repository_url": repository_url and repository_url.map(web_url),
        "build_url": build_url and build_url.map(page_url),
        "checkout": checkout if checkout and (sha is None or sha.value != checkout.value) else None,
    }
    known = {name: item for name, item in facts.items() if item}
    values: dict[str, Any] = {name: item.value for name, item in known.items()}
    if "fork" in values:
        values["fork"] = values["fork"] == "true"
    return CiContext(**values, origins={name: item.origin for name, item in known.items()})


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _readable(text: str) -> str:
    """Return the text with ``\\xff`` in place of each byte that is not UTF-8, as source.git does."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
