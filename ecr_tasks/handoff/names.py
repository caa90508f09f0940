"""The names of variables, made of images' names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ecr_tasks.errors import SettingsError


def identifier(text: str) -> str:
    """Return a text with every character that no identifier has replaced by an underscore."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def check_distinct(keys: Iterable[tuple[str, str]], kind: str) -> None:
    """Raise SettingsError when two images would get the same key; ``keys`` has each key with its image's name."""
    owners: dict[str, str] = {}
    for key, name in keys:
        other = owners.setdefault(key, name)
        if other != name:
            raise SettingsError(
                f"The images {other} and {name} would both be the {kind} {key}.",
                "Choose one of them with --image, or name one of them otherwise.",
            )
