"""How a task ends: errors and interruptions are shown and raised as Invoke's Exit with their exit codes."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from invoke.exceptions import Exit, Failure

from ecr_tasks.console import commands_as, say, show_error
from ecr_tasks.errors import EcrTasksError, Interrupted
from ecr_tasks.redaction import redact
from ecr_tasks.runner.command_line import follows, publishes
from ecr_tasks.runner.task_failed import TaskFailed
from ecr_tasks.runner.typed_commands import typed_commands
from ecr_tasks.signals import was_interrupted

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


@contextmanager
def exit_codes(run: Run, task: str = "", *, shows_without_registry: bool = False) -> Iterator[None]:
    """Raise every error and interruption as Invoke's Exit with its exit code, after showing its cause and remedy.

    ``task`` is the name of the one that runs, with its module's (``repo.show``).
    """
    _name_policies(task)
    with commands_as(typed_commands(lambda: run.selection)), _errors_shown(run, shows_without_registry):
        yield


@contextmanager
def _errors_shown(run: Run, shows_without_registry: bool) -> Iterator[None]:
    try:
        with _without_garbage_collector(), run.earlier_outputs.removed_on_failure():
            yield
    except Exit:
        raise
    except Exception as error:
        if was_interrupted():  # Ctrl-C also ends the programs that were started, and the error may be theirs
            raise _exit(interrupted(), run) from error
        if not isinstance(error, EcrTasksError):
            from ecr_tasks.runner.unexpected import unexpected

            raise _exit(unexpected(error), run, error) from error
        if run.dry and shows_without_registry and _is_absent_registry(error):
            say(error.cause)
            return
        raise _exit(error, run) from error
    except KeyboardInterrupt as error:
        raise _exit(interrupted(), run) from error


@contextmanager
def last_resort() -> Iterator[None]:
    """Raise what happens before there is a run, or while an error is shown, as Invoke's Exit, too."""
    try:
        yield
    except KeyboardInterrupt as error:
        say_interrupted()
        raise Exit(code=int(Interrupted.code)) from error
    except Failure:  # a program that a task of the user's has started with Invoke
        raise
    except Exit:
        raise
    except Exception as error:
        from ecr_tasks.runner.unexpected import show, unexpected

        bug = unexpected(error)
        show(bug, error)
        raise TaskFailed(bug) from error


def interrupted() -> Interrupted:
    """Return the error of an interrupted run; only one that publishes has left anything half done."""
    if publishes():
        remedy = "Run it again: it takes up where it stopped, and no moving tag points at half an image."
    else:
        remedy = "Run it again when you like."
    return Interrupted("Interrupted.", remedy)


def say_interrupted() -> None:
    """Say that the run was interrupted, and that it can be run again."""
    show_error(interrupted())


@contextmanager
def _without_garbage_collector() -> Iterator[None]:
    """Run a task without the cyclic garbage collector.

    Importing the SDK creates many objects that are never freed, and the collector would visit them repeatedly. A
    task itself creates little garbage.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def _name_policies(task: str) -> None:
    """Let remedies about rights name the task. A build before a push is denied what the push needs."""
    from ecr_tasks.model.denial import name_policies

    def task_for(action: str) -> str:
        from ecr_tasks.iam.actions import task_with

        return task_with(action, "push" if task == "build.build" and follows("push") else task)

    name_policies(task_for)


def _is_absent_registry(error: EcrTasksError) -> bool:
    from ecr_tasks.clients.absent_registry import AbsentRegistryError

    return isinstance(error, AbsentRegistryError)


def _exit(error: EcrTasksError, run: Run, origin: Exception | None = None) -> Exit:
    """Show an error and return the Exit with its code; Invoke's own printing would fail on a closed stderr."""
    if _is_debugging(run):
        # A secret of several lines is one only as a whole.
        say(*redact("".join(traceback.format_exception(origin or error))).splitlines())
    from ecr_tasks.runner import ci_results

    ci_results.show_error(run, error)
    show_error(error)
    if isinstance(error, Interrupted):
        return Exit(code=int(error.code))  # nobody who catches errors catches this
    return TaskFailed(error)


def _is_debugging(run: Run) -> bool:
    """Return whether ECR_DEBUG is set: in the settings, or in the environment when the settings have an error."""
    try:
        return run.settings.debug
    except Exception:
        from ecr_tasks.runner.unexpected import is_debugging

        return is_debugging()
