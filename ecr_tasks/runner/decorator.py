"""The decorators of tasks: they pass the run to a function, set Invoke's options, and turn errors into exit codes."""

from __future__ import annotations

import atexit
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from invoke.config import copy_dict
from invoke.context import Context
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from ecr_tasks.console import show_error, stay_calm
from ecr_tasks.errors import SettingsError, UnexpectedError
from ecr_tasks.runner.command_line import check_repetitions, check_rest, publishes, typed_words
from ecr_tasks.runner.ecr_task import EcrTask
from ecr_tasks.runner.exit_codes import exit_codes, last_resort, say_interrupted
from ecr_tasks.runner.invoke_config import config_paths
from ecr_tasks.runner.invoke_start import check_runtime_file
from ecr_tasks.runner.task_failed import TaskFailed
from ecr_tasks.signals import end_run_by_signals
from ecr_tasks.terminal.streams import open_standard_streams

if TYPE_CHECKING:
    from ecr_tasks.model.receipt import Receipt
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.job import Job
    from ecr_tasks.runner.run import Run

P = ParamSpec("P")
R = TypeVar("R")

_RUN = "ecr_tasks_run"
_EARLIER = "ecr_tasks_earlier"


def task(
    *,
    positional: Iterable[str] = (),
    may_be_positional: str = "",
    shows_without_registry: bool = False,
    **options: Any,
) -> Callable[[Callable[Concatenate[Run, P], None]], Task[Any]]:
    """Make an Invoke task from a function that takes a Run; its docstring is the help that `inv --list` shows.

    ``may_be_positional`` is an argument whose value may also stand after the task's name, without its flag. With
    ``shows_without_registry``, a dry run without a running local ECR does not fail: it prints a line that says so.
    Short flags are off, because they would hide Invoke's own (`-e` is --echo).
    """

    def decorate(body: Callable[Concatenate[Run, P], None]) -> Task[Any]:
        @functools.wraps(body)
        def wrapper(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> None:
            with last_resort():
                run = run_of(c)
                if not run.dry and c.config.get(_EARLIER) is None and publishes():
                    run.earlier_outputs.begin()  # this task may fail before the one that publishes
                with exit_codes(run, _name_of(body), shows_without_registry=shows_without_registry):
                    body(run, *args, **kwargs)

        return _invoke_task(wrapper, options, positional, may_be_positional)

    return decorate


class ChainedTask(EcrTask, Generic[P, R]):
    """A task that returns something to a caller in Python: to a task of the user's own."""

    def __call__(self, c: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the task, return its result. Raises TaskFailed after showing an error, TypeError for a wrong call."""
        inspect.signature(self.body).bind(c, *args, **kwargs)
        result: R = super().__call__(c, *args, **kwargs)
        return result


def chained_task(
    returns: Callable[[Job | Receipt | None], R],
    *,
    positional: Iterable[str] = (),
    may_be_positional: str = "",
    publishes: bool = True,
    **options: Any,
) -> Callable[[Callable[Concatenate[Run, EarlierResults, P], Job | Receipt | None]], ChainedTask[P, R]]:
    """Make an Invoke task from a function that also takes the results of earlier tasks of the command line.

    Its own result is passed to the tasks that follow; a caller in Python gets what ``returns`` makes of it.
    ``publishes`` is False for tasks that only use what is published: what earlier runs left stays for them.
    """

    def decorate(
        body: Callable[Concatenate[Run, EarlierResults, P], Job | Receipt | None],
    ) -> ChainedTask[P, R]:
        @functools.wraps(body)
        def wrapper(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with last_resort():
                return returns(run_chained(run_of(c), c, *args, **kwargs))

        def run_chained(run: Run, c: Context, *args: P.args, **kwargs: P.kwargs) -> Job | Receipt | None:
            from ecr_tasks.model.receipt import Receipt
            from ecr_tasks.runner.earlier_results import EarlierResults

            earlier: EarlierResults = c.config.get(_EARLIER) or EarlierResults()
            if publishes and not run.dry and not (earlier.job and run.uses(earlier.settings)):
                run.earlier_outputs.begin()
            with exit_codes(run, _name_of(body)):
                earlier = _of_these_settings(earlier, run)
                result = body(run, earlier, *args, **kwargs)
                if isinstance(result, Receipt):
                    c.config.update({_EARLIER: EarlierResults(run.settings, receipt=result)})
                elif result is not None:
                    c.config.update({_EARLIER: EarlierResults(run.settings, job=result, receipt=earlier.receipt)})
            return result

        parameters = list(inspect.signature(body).parameters.values())
        setattr(wrapper, "__signature__", inspect.Signature([parameters[0], *parameters[2:]]))  # noqa: B010
        made = _invoke_task(wrapper, {"klass": ChainedTask, **options}, positional, may_be_positional)
        return cast("ChainedTask[P, R]", made)

    return decorate


@contextmanager
def results_of(c: Context) -> Iterator[tuple[Run, EarlierResults]]:
    """Give a function that a user's task calls the run and the results of the tasks before it.

    Its errors are shown and raised as a task's.
    """
    from ecr_tasks.runner.earlier_results import EarlierResults

    with last_resort():
        run = run_of(c)
        with exit_codes(run):
            yield run, _of_these_settings(c.config.get(_EARLIER) or EarlierResults(), run)


def _name_of(body: Callable[..., Any]) -> str:
    """Return the name of a task with its module's, which is its collection's where there is one: ``repo.show``."""
    return f"{body.__module__.rpartition('.')[2]}.{body.__name__}"


def _of_these_settings(earlier: EarlierResults, run: Run) -> EarlierResults:
    from ecr_tasks.runner.earlier_results import EarlierResults

    return earlier if earlier.settings is run.settings else EarlierResults(run.settings)


def run_of(c: Context) -> Run:
    """Return the run of a context, with the context's settings. The first task of a command line creates it."""
    run: Run | None = c.config.get(_RUN)
    config = c.config.get("ecr") or {}
    if run is not None and hasattr(config, "keys"):
        run.configure(copy_dict(dict(config)))
    if run is None:
        from ecr_tasks.runner.run import Run

        open_standard_streams()
        if not hasattr(config, "keys"):
            error = SettingsError(
                "The key ecr of Invoke's configuration is no section with settings.",
                "Write the settings below it, such as `repository: team/app`.",
            )
            show_error(error)
            raise TaskFailed(error)
        project = getattr(c.config, "_project_prefix", None) or current_folder()
        paths = config_paths(c.config)
        run = Run(Path(project).resolve(), copy_dict(dict(config)), dry=bool(c.config.run.dry), config_paths=paths)
        c.config.update({_RUN: run})
        if run.in_ci:
            stay_calm()
        atexit.register(run.close)
        end_run_by_signals(say_interrupted)
        if not run.dry and publishes():
            run.earlier_outputs.begin()  # a line that is refused leaves nothing to deploy, either
        with exit_codes(run):
            check_rest()
            check_repetitions(typed_words())
            check_runtime_file(getattr(c.config, "_runtime_path", None))  # a --config after the task is known now
    return run


def current_folder() -> Path:
    """Return the current folder. Raises Invoke's Exit when it no longer exists."""
    try:
        return Path.cwd()
    except OSError:
        error = UnexpectedError("The current folder no longer exists.", "Go to another one and run it again.")
        show_error(error)
        raise TaskFailed(error) from None


def _invoke_task(
    wrapper: Callable[..., Any], options: Any, positional: Iterable[str] = (), may_be_positional: str = ""
) -> Task[Any]:
    options = {"klass": EcrTask, **options}
    decorated: EcrTask = invoke_task(positional=list(positional), auto_shortflags=False, **options)(wrapper)
    decorated.may_be_positional = may_be_positional
    return decorated
