"""Reads an environment as facts: a value and where it came from, with empty values taken as absent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.web_url import web_url

Reader = Callable[[Path], str]
"""Gives the text of a file; OSError or ValueError when there is none."""

_UNEXPANDED = re.compile(r"\$(?:\([^()]*\)|\{[^{}]*\})|%[\w.]+%")
"""What a CI leaves of a variable that it doesn't know: ``$(System.X)``, ``${ghprbX}``, ``%teamcity.x%``."""


@dataclass(frozen=True)
class Fact:
    """A value that is not empty, and the variable (or file and key) that it came from."""

    value: str
    origin: str

    def map(self, change: Callable[[str], str | None]) -> Fact | None:
        """What ``change`` makes of the value, with the same origin; None when it makes nothing of it."""
        value = change(self.value)
        return Fact(value, self.origin) if value else None


def fact(value: str | None, origin: str) -> Fact | None:
    """The value as a fact; None when it is empty, blank or a placeholder that nobody filled in."""
    text = _readable(value or "").strip(" \t\r\n")
    return Fact(text, origin) if text and not _UNEXPANDED.fullmatch(text) else None


class Environ:
    """The variables of one process, and the means to read the files that they name."""

    def __init__(self, variables: Mapping[str, str], read: Reader | None = None) -> None:
        self._variables = variables
        self._read = read or _read_text

    def get(self, *names: str) -> Fact | None:
        """The first of these variables that has a value."""
        found = (fact(self._variables.get(name), name) for name in names)
        return next((item for item in found if item), None)

    def flag(self, *names: str) -> Fact | None:
        """The first of these variables that has a value which does not say no."""
        found = self.get(*names)
        return found if found and found.value.lower() not in ("false", "0", "no", "off") else None

    def file(self, path: Fact | None) -> str | None:
        """The text of the file that a variable names; None when it can't be read."""
        if path is None:
            return None
        try:
            return self._read(Path(path.value))
        except (OSError, ValueError):
            return None


def branch_name(name: str) -> str | None:
    """The branch of ``refs/heads/x`` or of a bare name; None for another kind of ref."""
    if name.startswith("refs/heads/"):
        return name.removeprefix("refs/heads/")
    return None if name.startswith("refs/") else name


def tag_name(ref: str) -> str | None:
    """The tag of ``refs/tags/x``; None for anything else."""
    return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None


def pull_number(ref: str) -> str | None:
    """The number in ``refs/pull/5/merge`` and its like (GitLab's ``merge-requests``, Bitbucket's)."""
    found = re.match(r"refs/(?:pull|merge-requests|pull-requests)/([1-9][0-9]*)(?:/|$)", ref)
    return found[1] if found else None


def number(text: str) -> str | None:
    """A pull request's number; None for ``false``, ``0`` and whatever else stands for none."""
    return text if re.fullmatch(r"[1-9][0-9]*", text) else None


def commit(text: str) -> str | None:
    """A commit id, perhaps shortened; None for symbolic names such as ``HEAD`` and for git's all-zero id."""
    text = text.lower()
    return text if re.fullmatch(r"[0-9a-f]{7,64}", text) and text.strip("0") else None


def page(url: str) -> str | None:
    """The address of a page without credentials; None when it is no http address."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f\x7f\\]", url):
            return None
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        return None


def attempt_after(retries: str) -> str | None:
    """Which attempt it is after so many retries."""
    return str(int(retries) + 1) if re.fullmatch(r"[0-9]{1,9}", retries) else None


def yes(text: str) -> str:
    """``true`` or ``false``, for CiContext's only truth value."""
    return "true" if text.lower() in ("true", "1", "yes") else "false"


def why(source: Fact | None, events: Mapping[str, str], pull_request: Fact | None, tag: Fact | None) -> Fact | None:
    """The event by the CI's own word for it; a "push" is refined by what the run is for."""
    said = source.map(events.get) if source else None
    if said and said.value != "push":
        return said
    if pull_request:
        return Fact("pull_request", pull_request.origin)
    return Fact("tag", tag.origin) if tag else said


def context(
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
    """Puts an adapter's facts together, by the rules that hold for all of them.

    Refs arrive as the CI has them and are made names here. A pull request comes before a tag (ci.md), and
    without a pull request there is no target branch and no fork to speak of.
    """
    sha, checkout = (item and item.map(commit) for item in (sha, checkout))
    pull_request = pull_request and pull_request.map(number)
    facts = {
        "provider": provider,
        "event": event,
        "branch": branch and branch.map(branch_name),
        "tag": None if pull_request else tag,
        "sha": sha,
        "pull_request": pull_request,
        "base_ref": base_ref.map(branch_name) if base_ref and pull_request else None,
        "fork": fork.map(yes) if fork and pull_request else None,
        "build_number": build_number,
        "attempt": attempt and attempt.map(number),
        "default_branch": default_branch and default_branch.map(branch_name),
        "repository_url": repository_url and repository_url.map(web_url),
        "build_url": build_url and build_url.map(page),
        "checkout": checkout if checkout and (sha is None or sha.value != checkout.value) else None,
    }
    known = {name: item for name, item in facts.items() if item}

    def value(name: str) -> str | None:
        return known[name].value if name in known else None

    return CiContext(
        provider=value("provider"),
        event=value("event"),
        branch=value("branch"),
        tag=value("tag"),
        sha=value("sha"),
        pull_request=value("pull_request"),
        base_ref=value("base_ref"),
        fork=value("fork") == "true" if "fork" in known else None,
        build_number=value("build_number"),
        attempt=value("attempt"),
        default_branch=value("default_branch"),
        repository_url=value("repository_url"),
        build_url=value("build_url"),
        checkout=value("checkout"),
        origins={name: item.origin for name, item in known.items()},
    )


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _readable(text: str) -> str:
    """Bytes that are no UTF-8, which Python hides in the text, show as ``\\xff``: as git's do."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
