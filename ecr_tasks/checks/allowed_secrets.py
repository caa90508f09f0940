"""What ECR_ALLOW_KEYS_IN lets through, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ecr_tasks.checks.known_secrets import KNOWN
from ecr_tasks.files import resolved
from ecr_tasks.settings.parse.lists import VALUE_KINDS, Allowed
from ecr_tasks.settings.settings import Settings

SETTING = "ECR_ALLOW_KEYS_IN"

COMMENT = "#"
"""The name of a key that stands in a comment."""

_GUARDS = {
    COMMENT: "aws-access-key",
    "AWS_ACCESS_KEY_ID": "aws-access-key",
    "AWS_SECRET_ACCESS_KEY": "aws-access-key",
    "AWS_SESSION_TOKEN": "aws-access-key",
    "an AWS secret access key": "aws-access-key",
    "an AWS session token": "aws-access-key",
    "a PuTTY private key": "private-key",
    "a password": "stored-password",
    "a registry's password": "stored-password",
    "a password in an address": "address-password",
    "a token in an address": "address-token",
    "a secret by its name": "named-secret",
}


def guard_of(what: str) -> str:
    """Return the name of the guard that has found something: ``github-token`` for "a GitHub token"."""
    if what.startswith(KNOWN):
        return "known-secret"
    if what.startswith("a private key"):
        return "private-key"
    words = re.sub(r"^an? |'s?", "", what.replace("'s ", " ")).lower()
    return _GUARDS.get(what) or re.sub(r"[^a-z0-9]+", "-", words)


class AllowedSecrets:
    """The entries of ECR_ALLOW_KEYS_IN with their reasons; ``used`` are those that let something through."""

    def __init__(self, settings: Settings) -> None:
        self._project = settings.project
        self._values: dict[str, list[Allowed]] = {}
        self._files: dict[Path, list[Allowed]] = {}
        for entry in settings.allow_keys_in:
            if entry.name.startswith(VALUE_KINDS):
                self._values.setdefault(entry.name, []).append(entry)
            else:
                self._files.setdefault(resolved(settings.project / entry.name), []).append(entry)

    def remaining(
        self, path: Path, names: Sequence[tuple[str, int]], note: Callable[[str], None]
    ) -> tuple[tuple[str, int], ...]:
        """Return those of a file's secrets that it may not have, and tell ``note`` of the others with the reasons."""
        entries = self._files.get(path, ())
        allowed: dict[Allowed, list[str]] = {}
        left = []
        for name, line in names:
            entry = _entry(entries, name)
            if entry is None:
                left.append((name, line))
            else:
                allowed.setdefault(entry, []).append(described(name, line))
        for entry, found in allowed.items():
            note(f"{short_path(path)} is allowed to hold {', '.join(found)}: {_reason(entry)}.")
        return tuple(left)

    def allows_value(self, name: str, what: str, note: Callable[[str], None], verb: str = "be") -> bool:
        """Return whether a value (``build-arg:TOKEN``) may be a secret, and tell ``note`` so with the reason."""
        entry = _entry(self._values.get(name, ()), what)
        if entry is not None:
            note(f"{name} is allowed to {verb} {what}: {_reason(entry)}.")
        return entry is not None

    def lets_through(self, where: str | Path, what: str) -> bool:
        """Return whether a file or value may have a secret of this kind."""
        entries = self._files.get(where, ()) if isinstance(where, Path) else self._values.get(where, ())
        return _entry(entries, what) is not None

    def entry_for(self, where: str | Path, what: str) -> str:
        """Return the entry that would let a secret in a file or value through, with REASON in its place."""
        if isinstance(where, Path):
            project = resolved(self._project)
            where = where.relative_to(project).as_posix() if where.is_relative_to(project) else str(where)
        return f"{guard_of(what)} {where}: REASON"


def reasonless_entries(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each entry of ECR_ALLOW_KEYS_IN without a reason."""
    for entry in settings.allow_keys_in:
        if not entry.reason:
            yield f"{SETTING} ({settings.origin(SETTING)}) gives no reason for {entry.name}: write one after a colon."


def needless_sentence(settings: Settings, entry: Allowed, found: Iterable[str]) -> str | None:
    """Return a sentence if an entry lets nothing through of what was ``found`` in its file or value; else None."""
    kinds = list(dict.fromkeys(map(guard_of, found)))
    place = f"{SETTING} ({settings.origin(SETTING)})"
    if not kinds:
        return f"{place} needs no entry for {entry.name}: nothing in it would be refused."
    if entry.guard and entry.guard not in kinds:
        return f"{place} needs no {entry.guard} for {entry.name}: what is found in it is {', '.join(kinds)}."
    return None


def unfit_sentence(settings: Settings, entry: Allowed) -> str:
    """Return the sentence for an entry that is a pattern or a folder."""
    place = f"{SETTING} ({settings.origin(SETTING)})"
    return f"{place} lets nothing through by {entry.name}: it takes each file or value by its name."


def described(name: str, line: int) -> str:
    """Return what was found and where, in words."""
    return f"{'a key in a comment' if name == COMMENT else name} (line {line})"


def short_path(path: Path, folder: Path | None = None) -> str:
    """Return the path relative to a folder (default: the working directory); a path outside it is not changed."""
    folder = folder or Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _entry(entries: Iterable[Allowed], what: str) -> Allowed | None:
    """Return the entry that allows a secret; one that names its guard comes before one that names none."""
    fitting = [entry for entry in entries if entry.guard in ("", guard_of(what))]
    return max(fitting, key=lambda entry: bool(entry.guard), default=None)


def _reason(entry: Allowed) -> str:
    return f"{entry.reason.removesuffix('.')} ({SETTING})" if entry.reason else f"{SETTING}, without a reason"
