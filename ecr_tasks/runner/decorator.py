"""The decorator all our tasks share: the run, Invoke's flags our way, and errors as exit codes."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from ecr_tasks.errors import EcrTasksError, Interrupted
from ecr_tasks.runner.run import Run
from ecr_tasks.runner.signals import end_run_by_signals

P = ParamSpec("P")

_RUN = "ecr_tasks_run"
_AGAIN = "Run it again: it takes up where it stopped, and no moving tag points at half an image."


def task(
    *, positional: Iterable[str] = (), **options: Any
) -> Callable[[Callable[Concatenate[Run, P], None]], Task[Any]]:
    """Makes an Invoke task of a function of a Run; its docstring is the help that `inv --list` shows.

    Short flags are off: they would shadow Invoke's own (`-e` is --echo).
    """

    def decorate(body: Callable[Concatenate[Run, P], None]) -> Task[Any]:
        @functools.wraps(body)
        def wrapper(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> None:
            run = run_of(c)
            try:
                with _without_collector():
                    body(run, *args, **kwargs)
            except EcrTasksError as error:
                raise _exit(error, run) from error
            except KeyboardInterrupt as error:
                raise _exit(Interrupted("Interrupted.", _AGAIN), run) from error

        decorated: Task[Any] = invoke_task(positional=list(positional), auto_shortflags=False, **options)(wrapper)
        return decorated

    return decorate


def run_of(c: Context) -> Run:
    """The run that a context belongs to, made with the first task of a command line."""
    run: Run | None = c.config.get(_RUN)
    if run is None:
        configured = c.config.get("ecr") or {}
        project = getattr(c.config, "_project_prefix", None) or Path.cwd()
        run = Run(Path(project).resolve(), dict(configured), dry=bool(c.config.run.dry))
        c.config.update({_RUN: run})
        atexit.register(run.close)
        end_run_by_signals()
    return run


@contextmanager
def _without_collector() -> Iterator[None]:
    """Lets a task run without the cyclic garbage collector.

    Importing the SDKs makes a hundred thousand objects that all stay, and the collector walks them again and again:
    a fifth of the time of a run that finds everything published (`bench/main_job.py`). What a task makes after that
    is little, and nothing of it need be looked at again when Python ends.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def follows(name: str) -> bool:
    """Whether a task of that name is typed later in this command line (`inv build push`).

    Invoke tells a task nothing of the others. A word that only looks like it makes us ask the registry for
    nothing, which is all the harm it does.
    """
    words = [word.rpartition(".")[2] for word in sys.argv[1:]]
    return name in words


def _exit(error: EcrTasksError, run: Run) -> Exit:
    if _debugging(run):
        import traceback

        traceback.print_exception(error)
    from ecr_tasks.runner import ci_results as handing

    handing.error(run, error)
    return Exit(f"ecr-tasks: {error.cause.strip()}\n{error.remedy}", code=int(error.code))


def _debugging(run: Run) -> bool:
    """As the settings say; the environment alone, where the settings are what is wrong."""
    try:
        return run.settings.debug
    except EcrTasksError:
        return os.environ.get("ECR_DEBUG", "").lower() in ("1", "true", "yes", "on")
