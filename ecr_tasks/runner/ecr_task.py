"""A task as Invoke (3.0) can't make one: with an argument by position that may be left out, and quick to list."""

from __future__ import annotations

import copy
import itertools
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from invoke.collection import Collection as TaskCollection
from invoke.parser.argument import Argument
from invoke.tasks import Task


class EcrTask(Task[Any]):
    """A task whose argument ``may_be_positional``, if any, is read by position where the command line has it there.

    Invoke lets a positional argument take the next word, even another task's name or ``--help``, and refuses a
    command line without it. So it is positional only in command lines in which a word that is no task's name follows,
    and no argument is where ``--help`` does.
    """

    may_be_positional = ""

    def __deepcopy__(self, memo: dict[int, Any]) -> EcrTask:
        """Return a copy for a collection: Invoke makes one of each task at its start, of all that it consists of."""
        copied = copy.copy(self)
        copied.help = dict(self.help)  # from which Invoke takes away what it has read
        return copied

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments, of which Invoke's parser is about to read the values.

        Invoke asks all tasks, whatever the command line says. A task that the line does not name has none: to inspect
        the functions of all takes as long as to import their modules.
        """
        names, words, others = _asked(sys._getframe(1))
        if names and not any(name in word for word in words for name in names):
            return []
        from invoke.parser.context import to_flag

        from ecr_tasks.runner.argument import CheckedArgument, refuse_missing_values, refuse_values_of_switches

        arguments = [
            CheckedArgument(argument) if argument.takes_value else argument
            for argument in super().get_arguments(ignore_unknown_help=ignore_unknown_help)
        ]
        switches = [name for argument in arguments if not argument.takes_value for name in argument.names]
        flags = [word.partition("=")[0] for word in words if word.startswith("-")]
        if any("=" in word for word in words) or len({*flags}) < len(flags):  # all tasks' names take long
            with_value = {to_flag(name) for item in arguments if item.takes_value for name in item.names}
            own = tuple(own_words(words, self.name, others, with_value))
            refuse_values_of_switches(own, switches)
            refuse_missing_values(own, arguments)
        if asks_for_help(words, self.name):
            for argument in arguments:
                argument.positional = False
            return arguments
        if not self.may_be_positional:
            return arguments
        takes_value = {f"--{name}": argument.takes_value for argument in arguments for name in argument.names}
        required = sum(bool(argument.positional) for argument in arguments)
        optional = {f"--{name}" for argument in arguments if argument.optional for name in argument.names}
        if has_value_by_position(words, self.name, takes_value, others(), required, optional):
            for argument in arguments:
                argument.positional = argument.positional or argument.name == self.may_be_positional
        return arguments


def has_value_by_position(
    words: Sequence[str],
    task: str,
    takes_value: Mapping[str, bool],
    tasks: Collection[str],
    required: int = 0,
    optional: Collection[str] = (),
) -> bool:
    """Return whether a word that is neither a flag, a flag's value nor a task's name follows the task in a line.

    The first ``required`` words after the task are values in any case. ``optional`` are the flags that may have no
    value: the flag that follows one is none.
    """
    is_own = is_value = False
    left = 0
    flag = ""
    for word in words:
        if is_value and not (flag in optional and word.startswith("-")):
            is_value = False
        elif word.startswith("-"):
            is_value, flag = is_own and takes_value.get(word, False), word
        elif left:
            left -= 1
        elif is_own and word not in tasks:
            return True
        else:
            is_own = word in tasks and word.rpartition(".")[2] == task
            left = required if is_own else 0
    return False


def own_words(
    words: Sequence[str], task: str, tasks: Callable[[], Collection[str]], with_value: Collection[str]
) -> Iterator[str]:
    """Yield the words between a task and the next one in a line; a word after a flag ``with_value`` is no task."""
    is_own, names = False, tasks()
    for before, word in itertools.pairwise(("", *itertools.takewhile(lambda word: word != "--", words))):
        if word in names and not (is_own and before in with_value):
            is_own = word.rpartition(".")[2] == task
        elif is_own:
            yield word


def asks_for_help(words: Sequence[str], task: str) -> bool:
    """Return whether ``--help`` follows a task's name in a command line."""
    return any(
        word.rpartition(".")[2] == task and after in ("--help", "-h") for word, after in itertools.pairwise(words)
    )


def _asked(asker: FrameType) -> tuple[Collection[str], Sequence[str], Callable[[], Collection[str]]]:
    """Return the names of the task, the words of the command line, and what returns the names of all tasks.

    A task knows neither the collections that it is in nor the line. Collection.to_contexts, which asks for the
    arguments, does, and the program's method that calls it; asked for any other purpose, the task has no names.
    """
    asking, above = asker.f_locals, asker.f_back.f_locals if asker.f_back else {}
    collection, argv = asking.get("self"), getattr(above.get("self"), "argv", None)
    if argv is None or not (isinstance(collection, TaskCollection) and {"primary", "aliases"} <= asking.keys()):
        return (), sys.argv[1:], tuple
    return (asking["primary"], *asking["aliases"]), argv[1:], lambda: _all_names(collection)


def _all_names(collection: TaskCollection) -> Collection[str]:
    """Return the names of all tasks of a collection, the user's own among them."""
    return {name for primary, aliases in collection.task_names.items() for name in (primary, *aliases)}
