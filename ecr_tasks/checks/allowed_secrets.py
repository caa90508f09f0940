"""What ECR_ALLOW_KEYS_IN lets through, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ecr_tasks.files import resolved
from ecr_tasks.settings.parse.lists import VALUE_KINDS
from ecr_tasks.settings.settings import Settings

COMMENT = "#"
"""The name of a key that stands in a comment."""


class AllowedFiles:
    """The entries of ECR_ALLOW_KEYS_IN with their reasons."""

    def __init__(self, settings: Settings) -> None:
        entries = settings.allow_keys_in
        self._values = {name: reason for name, reason in entries if name.startswith(VALUE_KINDS)}
        self._files = {resolved(settings.project / name): reason for name, reason in entries}

    def allows(self, path: Path, names: Sequence[tuple[str, int]], note: Callable[[str], None]) -> bool:
        """Return whether a file may have these secrets, and tell ``note`` so with the reason."""
        if path not in self._files:
            return False
        found = ", ".join(described(name, line) for name, line in names)
        note(f"{short_path(path)} is allowed to hold {found}: {_reason(self._files[path])}.")
        return True

    def allows_value(self, name: str, what: str, note: Callable[[str], None], verb: str = "be") -> bool:
        """Return whether a value (``build-arg:TOKEN``) may be a secret, and tell ``note`` so with the reason."""
        if name not in self._values:
            return False
        note(f"{name} is allowed to {verb} {what}: {_reason(self._values[name])}.")
        return True


def described(name: str, line: int) -> str:
    """Return what was found and where, in words."""
    return f"{'a key in a comment' if name == COMMENT else name} (line {line})"


def _reason(reason: str) -> str:
    return f"{reason.removesuffix('.')} (ECR_ALLOW_KEYS_IN)" if reason else "ECR_ALLOW_KEYS_IN gives no reason"


def short_path(path: Path) -> str:
    """Return a path relative to the working directory, if it is in there."""
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
