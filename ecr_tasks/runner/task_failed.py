"""The exception that ends a task, which a task that called it may catch."""

from __future__ import annotations

from invoke.exceptions import Exit

from ecr_tasks.errors import EcrTasksError, ExitCode


class TaskFailed(Exit, EcrTasksError):
    """An error that was shown already: it ends the command line with its code, unless a caller catches it."""

    code = ExitCode.UNEXPECTED  # Invoke's is a property

    def __init__(self, error: EcrTasksError) -> None:
        Exit.__init__(self)
        self.cause, self.remedy, self.code = error.cause, error.remedy, error.code
