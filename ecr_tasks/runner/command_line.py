"""The command line of the current task: the tasks in it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ecr_tasks.errors import SettingsError

_SELECTORS = ("env", "local")
"""The tasks that change the settings of those that follow."""


def publishes() -> bool:
    """Return whether this command line seems to have a task that writes outputs for later CI steps."""
    words = sys.argv[1:]
    return any(
        word.rpartition(".")[2] in ("build", "push") and not before.startswith("-")
        for before, word in zip(["", *words], words, strict=False)
    )


def follows(name: str) -> bool:
    """Return whether a task of that name is in this command line (`inv build push`).

    Invoke gives a task only its own arguments, and no task can reach the parser's result, so this function reads
    sys.argv. If another word equals the task's name, `build` makes an unneeded call to the registry, which does no
    harm.
    """
    return name in [word.rpartition(".")[2] for word in sys.argv[1:]]


def push_has(flag: str) -> bool:
    """Return whether `push` with this flag is in this command line, so that the `build` before it builds for that."""
    return follows("push") and flag in sys.argv[1:]


def check_repetitions(words: Sequence[str]) -> None:
    """Refuse a command line that repeats a task after `env` or `local`, because Invoke drops a task's second call.

    ``words`` are those after the program's name; a word after a flag, or after `env`, is a value. Raises
    SettingsError.
    """
    seen: set[str] = set()
    before, selector = "", ""
    for word in words:
        is_task = not word.startswith("-") and not before.startswith("-") and _last_part(before) != "env"
        if is_task and _last_part(word) in _SELECTORS:
            selector = word if seen else ""
        elif is_task and selector and word in seen:
            raise SettingsError(
                f"{word} stands before and after {selector}, and Invoke runs a task only once in a command line.",
                f"Run two command lines, the second one from {selector} on.",
            )
        elif is_task:
            seen.add(word)
        before = word


def _last_part(word: str) -> str:
    return word.rpartition(".")[2]
