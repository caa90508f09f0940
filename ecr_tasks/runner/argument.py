"""A value on the command line: never empty, and once for each flag that is no list.

Invoke's parser (3.0) gives a flag one value, and takes the word after the flag's second occurrence for a task, which
then runs: `iam.policy --for pull --for build` would build. Likewise it takes for a task what follows the `=` of
a flag that has no value: `prune --yes=build`. Of a list, it does not miss the value: `push --image` would push all.
Nor does it miss that of a flag's second occurrence: `push --image api --image`. What has none before a flag of
Invoke's own takes that for one: `push --image --help`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from invoke.parser.argument import Argument
from invoke.parser.context import to_flag

from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.invoke_config import exit_with


def core_flags() -> Mapping[str, bool]:
    """Return the flags of Invoke itself, and whether they take a value."""
    from invoke.program import Program

    program = Program()
    arguments = [*program.core_args(), *program.task_args()]
    return {to_flag(name): argument.takes_value for argument in arguments for name in argument.names}


def refuse_values_of_switches(words: Iterable[str], switches: Sequence[str]) -> None:
    """Raise Invoke's Exit if one of the words gives a value to one of the flags that have none."""
    if "--complete" in sys.argv:
        return
    for word in words:
        flag, has_value, _ = word.partition("=")
        if has_value and flag.startswith("--") and flag[2:] in switches:
            cause = f"{flag} has no value, and the command line says {word}."
            raise exit_with(SettingsError(cause, f"Write {flag} to have it, or leave it out."))


def refuse_missing_values(words: Sequence[str], arguments: Iterable[Argument]) -> None:
    """Raise Invoke's Exit if a flag that was given before stands without a value among a task's words.

    A flag is no value. Of a flag's first occurrence Invoke says it itself.
    """
    if "--complete" in sys.argv:
        return
    flags = {to_flag(name): argument for argument in arguments for name in argument.names}
    seen: list[Argument] = []
    for word, after in zip(words, (*words[1:], None), strict=False):
        name, has_value, _ = word.partition("=")
        argument = flags.get(name)
        if argument is None or not argument.takes_value:
            continue
        if argument in seen and not has_value and (after is None or after in flags):
            raise exit_with(_missing_again(name, is_list=argument.kind is list))
        seen.append(argument)


def _missing_again(flag: str, *, is_list: bool) -> SettingsError:
    remedy = "Give it a value each time." if is_list else "Give it once."
    return SettingsError(f"{flag} is given twice, and once without a value.", remedy)


class CheckedArgument(Argument):
    """An argument that ends the command line with code 2 at an empty value, and at a second one."""

    def __init__(self, argument: Argument) -> None:
        vars(self).update(vars(argument))
        self.is_list = argument.kind is list
        if self.is_list:
            self.raw_value = None  # an empty list of Invoke's, by which it misses that no value follows the flag

    def __repr__(self) -> str:
        """Return the flag as it is typed, which Invoke's errors show."""
        return f"--{self.names[0]}"

    def set_value(self, value: Any, cast: bool = True) -> None:
        """Take a value of the command line. Raises Invoke's Exit for one that can't be taken."""
        is_second = not self.is_list and self.raw_value is not None
        if "--complete" not in sys.argv:  # then a shell asks what may follow, and nothing runs
            self._check(value, is_second)
        if not is_second:
            super().set_value(value, cast)
        self.kind = list  # Invoke passes on a second value to lists alone

    def _check(self, value: Any, is_second: bool) -> None:
        name = self.names[0].upper() if self.positional else f"--{self.names[0]}"
        if not str(value).strip():
            otherwise = "" if self.positional else ", or leave it out"
            remedy = f"Give it a value{otherwise}; if it comes from a variable, that one may not be set."
            raise exit_with(SettingsError(f"{name} is empty.", remedy))
        if self.positional and len(str(value)) > 1 and str(value).startswith("-"):
            cause = f"{value} is no flag of this task, and stands where {name} does."
            raise exit_with(SettingsError(cause, "`inv --help` with the task's name shows its flags."))
        if str(value).startswith("-") and not self.positional and value in core_flags():
            raise exit_with(self._has_none(name, value))
        if is_second:
            values = ["no value" if each is True else each for each in (self.value, value)]
            cause = f"{name} is given twice: {values[0]} and {values[1]}."
            raise exit_with(SettingsError(cause, "Give it once."))

    def _has_none(self, name: str, after: str) -> SettingsError:
        """Return the error of a flag without a value before one of Invoke's own, which Invoke takes for the value."""
        if self.optional:
            return SettingsError(f"{after} stands where {name} may have a value.", f"Write {after} before {name}.")
        if self.raw_value is not None:
            return _missing_again(name, is_list=self.is_list)
        return SettingsError(f"{name} needs a value, and {after} follows it.", "Give it one.")
