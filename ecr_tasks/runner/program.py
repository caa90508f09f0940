"""Invoke's program, as ``ecr-tasks`` runs it: with the project's configuration, and a word about what is mistyped."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager

from invoke.config import AmbiguousMergeError
from invoke.exceptions import AmbiguousEnvVar, ParseError, UncastableEnvVar, UnknownFileType
from invoke.program import Program

from ecr_tasks.console import commands_as
from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.runner.decorator import current_folder
from ecr_tasks.runner.invoke_config import check_own_files, check_project, exit_with, find_project
from ecr_tasks.runner.invoke_start import core_flags_checked
from ecr_tasks.runner.typed_commands import typed_commands
from ecr_tasks.terminal.streams import no_reader_allowed

_UNKNOWN = r"(?s)No idea what (['\"])(?P<word>.*)\1 is!"
_NO_VALUE = r"(?s)Flag (?P<flag>--\S{1,100}) needed value.*"
_MISSING = r"(?s)'(?P<task>[^']*)' did not receive required positional arguments: (?P<names>.*)"
_ALIKE = 0.6
"""How similar two names are of which one may be meant for the other (difflib's own default)."""


class EcrTasksProgram(Program):
    """The command line of ``ecr-tasks``. A mistake in it is an error like those of the tasks, with exit code 2.

    Each file of Invoke's configuration is checked before Invoke reads it: what it could not read is such an error.
    """

    def run(self, argv: list[str] | None = None, exit: bool = True) -> None:  # noqa: A002 - Invoke's name
        """Run a command line; a reader that closes the pipe ends it without an error."""
        with no_reader_allowed(), commands_as(typed_commands(str)):
            super().run(argv, exit)

    def create_config(self) -> None:
        """Read the user's and the machine's configuration."""
        check_own_files()
        super().create_config()

    def parse_collection(self) -> None:
        """Read the project's configuration too, which Invoke itself only does where it looks for a tasks.py."""
        super().parse_collection()
        project = find_project(current_folder())
        check_project(project)
        self.config.set_project_location(project)
        self.config.load_project()

    def execute(self) -> None:
        """Run the tasks; Invoke merges the variables of its configuration right before."""
        try:
            super().execute()
        except (AmbiguousEnvVar, AmbiguousMergeError, UncastableEnvVar, UnknownFileType) as error:
            cause = f"Invoke's configuration can't be used: {str(error).rstrip('.')}."
            raise exit_with(SettingsError(cause, "Correct the file or the variable INVOKE_….")) from error

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse Invoke's own flags."""
        with self._errors_explained(), core_flags_checked(self):
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        """Parse the words after Invoke's own flags, which may stand after a task, too."""
        with self._errors_explained(), core_flags_checked(self):
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Answer --help, --list and the like, which end the program."""
        gc.freeze()  # as `inv` does it (invoke_start)
        with self._errors_explained():
            super().parse_cleanup()

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        try:
            yield
        except ParseError as error:
            raise exit_with(self._explain(error)) from error

    def _explain(self, error: ParseError) -> SettingsError:
        match = re.fullmatch(_UNKNOWN, str(error))
        if match is None:
            task = error.context.name if error.context else None
            shown = f"`inv --help {task}`" if task else "`inv --help`"
            return SettingsError(_in_words(str(error)), f"{shown} shows what can be written.")
        word = match["word"]
        task = error.context.name if error.context else None
        if word.startswith("-"):
            flags = [*(error.context.flags if error.context else ()), *self.initial_context.flags]
            of_task = f" of the task {task}" if task else ""
            names = {flag.lstrip("-"): flag for flag in flags}
            guess = names.get(nearest(word.lstrip("-"), list(names), _ALIKE), "")
            help_ = f"`inv --help {task}`" if task else "`inv --help`"
            return SettingsError(f"{word} is no flag{of_task}.", _suggestion(guess, f"{help_} shows the flags."))
        guess = nearest(word, list(self.parser.contexts), _ALIKE)
        return SettingsError(f"There is no task {word}.", _suggestion(guess, "`inv --list` shows the tasks."))


def _in_words(message: str) -> str:
    """Return what Invoke says of a line that it can't parse, in a user's words where they are known."""
    if match := re.fullmatch(_NO_VALUE, message):
        return f"{match['flag']} needs a value."
    if match := re.fullmatch(_MISSING, message):
        return f"{match['task']} needs {match['names'].replace(chr(39), '').upper().replace(', ', ' and ')}."
    return f"{message.rstrip('.!')}."


def _suggestion(guess: str, otherwise: str) -> str:
    return f"Did you mean {guess}? {otherwise}" if guess else otherwise
