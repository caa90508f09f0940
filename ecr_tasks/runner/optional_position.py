"""An argument that may be given by its position, or left out, which Invoke (3.0) has no way to say."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from invoke.collection import Collection as TaskCollection
from invoke.parser.argument import Argument
from invoke.tasks import Task

from ecr_tasks.runner.argument import CheckedArgument


class TaskWithOptionalPosition(Task[Any]):
    """A task whose argument ``may_be_positional``, if any, is read by position where the command line has it there.

    Invoke lets a positional argument take the next word, even another task's name or ``--help``, and refuses a
    command line without it. So it is positional only in command lines in which a word that is no task's name follows,
    and no argument is where ``--help`` does.
    """

    may_be_positional = ""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments, of which Invoke's parser is about to read the values."""
        arguments = [
            CheckedArgument(argument) if argument.takes_value else argument
            for argument in super().get_arguments(ignore_unknown_help=ignore_unknown_help)
        ]
        if asks_for_help(sys.argv[1:], self.name):
            for argument in arguments:
                argument.positional = False
            return arguments
        if not self.may_be_positional:
            return arguments
        takes_value = {f"--{name}": argument.takes_value for argument in arguments for name in argument.names}
        required = sum(bool(argument.positional) for argument in arguments)
        if has_value_by_position(sys.argv[1:], self.name, takes_value, _other_names(), required):
            for argument in arguments:
                argument.positional = argument.positional or argument.name == self.may_be_positional
        return arguments


def has_value_by_position(
    words: Sequence[str], task: str, takes_value: Mapping[str, bool], tasks: Collection[str], required: int = 0
) -> bool:
    """Return whether a word that is neither a flag, a flag's value nor a task's name follows the task in a line.

    The first ``required`` words after the task are values in any case.
    """
    is_own = is_value = False
    left = 0
    for word in words:
        if is_value:
            is_value = False
        elif word.startswith("-"):
            is_value = is_own and takes_value.get(word, False)
        elif left:
            left -= 1
        elif is_own and word not in tasks:
            return True
        else:
            is_own = word in tasks and word.rpartition(".")[2] == task
            left = required if is_own else 0
    return False


def asks_for_help(words: Sequence[str], task: str) -> bool:
    """Return whether ``--help`` follows a task's name in a command line."""
    return any(
        word.rpartition(".")[2] == task and after in ("--help", "-h") for word, after in itertools.pairwise(words)
    )


def _other_names() -> Collection[str]:
    """Return the names of all tasks of the collection that asks for the arguments, the user's own among them.

    A task doesn't know the collections that it is in; the caller's caller is the one that counts.
    """
    frame = inspect.currentframe()
    caller = frame.f_back.f_back if frame and frame.f_back else None
    collection = caller.f_locals.get("self") if caller else None
    if not isinstance(collection, TaskCollection):
        return ()
    return {name for primary, aliases in collection.task_names.items() for name in (primary, *aliases)}
