"""The commands in what a run says (`inv repo.ensure`), as the person who started it would have to type them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path

# `re` compiles it at its first use, which `inv --list` has not.
_COMMAND = r"`inv ([^`]+)`"

_names: Callable[[], Collection[str]] = tuple


def know_tasks(names: Callable[[], Collection[str]]) -> None:
    """Take the function that returns the names of our tasks, as they are in our own collection."""
    global _names
    _names = names


def typed_commands(selection: Callable[[], str]) -> Callable[[str], str]:
    """Return the function that rewrites the commands in a text; ``selection`` returns what chose the settings."""

    def rewrite(text: str) -> str:
        if "`inv " not in text:  # nearly always
            return text
        names = _names()
        return as_typed(text, _program(), selection(), prefix(sys.argv[1:], names), names)

    return rewrite


def as_typed(text: str, program: str, selection: str, collection: str, names: Collection[str]) -> str:
    """Return a text whose commands start ``program``, with the selection and with the tasks in their ``collection``.

    A command that selects for itself (`inv local …`) and one that only has flags is given no selection.
    """

    def replace(match: re.Match[str]) -> str:
        words = match[1].split(" ")
        selects = words[0].partition(".")[0] in ("local", "env") or words[0].startswith("-")
        words = [f"{collection}{word}" if word in names else word for word in words]
        chosen = [] if selects else [f"{collection}{word}" if word in names else word for word in selection.split()]
        return f"`{' '.join([program, *chosen, *words])}`"

    return re.sub(_COMMAND, replace, text)


def prefix(words: Sequence[str], names: Collection[str]) -> str:
    """Return what stands before our tasks' own names in a command line: ``ecr.`` for `inv ecr.build`."""
    for word in words:
        if own := max((name for name in names if f".{word}".endswith(f".{name}")), key=len, default=""):
            return word.removesuffix(own)
    return ""


@cache
def _program() -> str:
    from ecr_tasks.clients.python_packages import typed

    started = Path(sys.argv[0])
    name = "ecr-tasks" if "ecr-tasks" in started.name or started.parent.name == "ecr_tasks" else "inv"
    return typed(name) or name
