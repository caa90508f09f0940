"""What an earlier run left in ``.ecr-tasks/``: a run that fails early must not let a later CI step deploy that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from ecr_tasks.ci.outputs.names import NAMES
from ecr_tasks.console import warn
from ecr_tasks.model.receipt import FOLDER
from ecr_tasks.own_files import remove_file
from ecr_tasks.runner import receipt_file


class EarlierOutputs:
    """Removes the files of earlier runs when a run begins that builds or publishes.

    The files directly in ``.ecr-tasks/`` are the last run's. Each repository has its own in a folder below, and a run
    for one repository leaves those of the others alone. A run that fails before its repositories are known removes
    those of all, because some of them are its own.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._pending = False

    def begin(self) -> None:
        """Remove the last run's files."""
        for name in (*NAMES, receipt_file.NAME):
            _change(self._project / FOLDER / name, self._project, remove_file)
        self._pending = True

    def forget(self, repositories: Iterable[str], own: receipt_file.Own = MappingProxyType({})) -> None:
        """Remove the files of these repositories, except for what a build hands to a later push.

        ``own`` are receipts of theirs that were read.
        """
        self._pending = False
        for repository in repositories:
            folder = receipt_file.own_folder(self._project, repository)
            has_build = repository not in own or receipt_file.has_build(own[repository])
            for name in _names_in(folder):
                change = receipt_file.keep_build_only if name == receipt_file.NAME and has_build else remove_file
                _change(folder / name, self._project, change)

    @contextmanager
    def removed_on_failure(self) -> Iterator[None]:
        """Remove the files of every repository if the run fails before its repositories are known."""
        try:
            yield
        except BaseException:
            if self._pending:
                self.forget(receipt_file.own_repositories(self._project))
            raise


def _names_in(folder: Path) -> list[str]:
    """Return those of our files' names that a folder has; all where it can't be read, so that the change says why."""
    names = (*NAMES, receipt_file.NAME)
    try:
        there = {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return []
    except OSError:
        return [*names]
    return [name for name in names if name in there]


def _change(path: Path, project: Path, change: Callable[[Path, Path], None]) -> None:
    """Remove or change a file; an error is only a warning, because the run itself may need no file."""
    try:
        change(path, project)
    except OSError as error:
        warn(f"{path} can't be removed ({error.strerror}): it speaks of an earlier run.")
