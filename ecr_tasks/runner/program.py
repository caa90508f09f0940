"""Invoke's program, as ``ecr-tasks`` runs it: it names the task or flag that a mistyped one is nearest to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from ecr_tasks.console import no_reader_allowed, show_error
from ecr_tasks.errors import SettingsError, nearest

_UNKNOWN = re.compile(r"No idea what (['\"])(?P<word>.*)\1 is!", re.DOTALL)
_ALIKE = 0.6
"""How similar two names are of which one may be meant for the other (difflib's own default)."""


class EcrTasksProgram(Program):
    """The command line of ``ecr-tasks``. A mistake in it is an error like those of the tasks, with exit code 2."""

    def run(self, argv: list[str] | None = None, exit: bool = True) -> None:  # noqa: A002 - Invoke's name
        """Run a command line; a reader that closes the pipe ends it without an error."""
        with no_reader_allowed():
            super().run(argv, exit)

    def parse_tasks(self) -> None:
        """Parse the words after Invoke's own flags."""
        with self._errors_explained():
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Answer --help, --list and the like, which end the program."""
        with self._errors_explained():
            super().parse_cleanup()

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        try:
            yield
        except ParseError as error:
            show_error(self._explain(error))
            raise Exit(code=int(SettingsError.code)) from error

    def _explain(self, error: ParseError) -> SettingsError:
        match = _UNKNOWN.fullmatch(str(error))
        if match is None:
            task = error.context.name if error.context else None
            shown = f"`{self.binary} --help {task}`" if task else f"`{self.binary} --help`"
            return SettingsError(f"{str(error).rstrip('.')}.", f"{shown} shows what can be written.")
        word = match["word"]
        task = error.context.name if error.context else None
        if word.startswith("-"):
            flags = [*(error.context.flags if error.context else ()), *self.initial_context.flags]
            of_task = f" of the task {task}" if task else ""
            guess = nearest(word, flags, _ALIKE)
            help_ = f"`{self.binary} --help {task}`" if task else f"`{self.binary} --help`"
            return SettingsError(f"{word} is no flag{of_task}.", _suggestion(guess, f"{help_} shows the flags."))
        guess = nearest(word, list(self.parser.contexts), _ALIKE)
        return SettingsError(
            f"There is no task {word}.", _suggestion(guess, f"`{self.binary} --list` shows the tasks.")
        )


def _suggestion(guess: str, otherwise: str) -> str:
    return f"Did you mean {guess}? {otherwise}" if guess else otherwise
