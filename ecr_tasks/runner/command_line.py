"""The command line of the current task: the tasks in it."""

from __future__ import annotations

import copy
import itertools
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from invoke.tasks import Call

from ecr_tasks.errors import SettingsError

if TYPE_CHECKING:
    from types import FrameType

    from invoke.tasks import Task

IMAGES = "only this image, this group of the bake file, or those like this ('api-*'); once for each"
"""The help of a flag that chooses some of several images."""

IMAGE = "of several images, the one, or a pattern such as 'api-*' (default: all of them)"
"""The help of such a flag that can be given only once."""

_SELECTORS = ("env", "local")
"""The tasks that change the settings of those that follow."""


def typed_words() -> Sequence[str]:
    """Return the words of this command line that Invoke parses; those after ``--`` are for the user's own tasks."""
    words = sys.argv[1:]
    return words[: words.index("--")] if "--" in words else words


def check_rest() -> None:
    """Refuse words after ``--`` where Invoke runs only tasks of ours, which take none. Raises SettingsError."""
    from ecr_tasks.runner.ecr_task import EcrTask

    rest, calls = sys.argv[len(typed_words()) + 2 :], _executor().get("calls")
    if rest and isinstance(calls, list) and all(isinstance(call.task, EcrTask) for call in calls):
        raise SettingsError(
            f"No task here takes what stands after --: {' '.join(rest)}.",
            "Write each flag after its task, and the tasks one after another, without --.",
        )


def publishes() -> bool:
    """Return whether this command line seems to have a task that writes outputs for later CI steps."""
    words = typed_words()
    return any(
        word.rpartition(".")[2] in ("build", "push", "merge") and not before.startswith("-")
        for before, word in zip(["", *words], words, strict=False)
    )


def follows(name: str) -> bool:
    """Return whether a task of that name is in this command line (`inv build push`).

    Invoke gives a task only its own arguments, and no task can reach the parser's result, so this function reads
    sys.argv. If another word equals the task's name, `build` makes an unneeded call to the registry, which does no
    harm.
    """
    return name in [word.rpartition(".")[2] for word in typed_words()]


def follows_at_once(task: Task[Any], next_task: Task[Any]) -> bool:
    """Return whether Invoke runs ``task`` now and ``next_task`` right after it, with none of the user's in between.

    A task that one of the user's own calls isn't run by Invoke. Only Invoke's executor knows what comes next: the
    line doesn't show the tasks that others bring along, nor whose a name is.
    """
    local = _executor()
    calls, current = local.get("calls"), local.get("call")
    if not isinstance(calls, list) or not isinstance(current, Call):
        return False
    after = next((after for call, after in itertools.pairwise(calls) if call is current), None)
    return after is not None and (current.task.body, after.task.body) == (task.body, next_task.body)


def _executor() -> Mapping[str, Any]:
    """Return the local variables of Invoke's executor, which has called this; empty where it hasn't."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__") != "invoke.executor":
        frame = frame.f_back
    return frame.f_locals if frame is not None else {}


def push_has(flag: str) -> bool:
    """Return whether `push` with this flag is in this command line, so that the `build` before it builds for that."""
    return follows("push") and flag in typed_words()


def value_flags(task: Task[Any]) -> Collection[str]:
    """Return the flags of a task, and those of Invoke itself, after which the next word is a value."""
    from invoke.parser.context import to_flag

    from ecr_tasks.runner.argument import core_flags

    # Of a copy: Invoke takes away the help that it has read.
    arguments = copy.deepcopy(task).get_arguments()
    of_task = {to_flag(name) for argument in arguments if argument.takes_value for name in argument.names}
    return of_task | {flag for flag, takes_value in core_flags().items() if takes_value}


def push_values(flag: str, push: Task[Any]) -> tuple[str, ...]:
    """Return the values of a flag of the task ``push`` in this command line, for the `build` before it.

    A word after a flag with a value is that value, and any other one is the next task.
    """
    words = typed_words()
    start = next((index for index, word in enumerate(words) if _last_part(word) == "push"), len(words))
    values, before, with_values = [], "", value_flags(push)
    for word in words[start + 1 :]:
        if before in with_values:
            values += [word] if before == flag else []
            before = ""
        elif word.startswith("-"):
            name, equals, value = word.partition("=")
            values += [value] if name == flag and equals else []
            before = "" if equals else name
        else:
            break
    return tuple(values)


def as_choice(image: Sequence[str] | None) -> tuple[str, ...]:
    """Return the words that choose images; a caller in Python may give one word alone."""
    return (image,) if isinstance(image, str) else tuple(image or ())


def chosen_with_push(choice: Sequence[str], push: Task[Any]) -> tuple[str, ...]:
    """Return what chooses the images of a `build`: its own choice, or else that of a `push` in this command line.

    Raises SettingsError where they choose otherwise, as what is built is what is pushed.
    """
    of_push = push_values("--image", push)
    if choice and of_push and set(choice) != set(of_push):
        raise SettingsError(
            f"build has --image {', '.join(choice)} and push has --image {', '.join(of_push)}.",
            "Name the images once: what is said to one of them counts for both.",
        )
    return tuple(choice) or of_push


def only_with_push(only: str, push: Task[Any]) -> str:
    """Return the platform for which a `build` builds alone: its own, or else that of a `push` in this command line.

    Raises SettingsError where they name two.
    """
    of_push = next(iter(push_values("--only", push)), "")
    if only and of_push not in ("", only):
        raise SettingsError(
            f"build has --only {only} and push has --only {of_push}.",
            "Name the platform once: what is said to one of them counts for both.",
        )
    return only or of_push


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
