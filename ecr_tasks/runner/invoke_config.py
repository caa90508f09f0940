"""Invoke's own configuration: the files that it reads, checked before it reads them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.config import AmbiguousMergeError, Config, copy_dict, merge_dicts
from invoke.exceptions import Exit

from ecr_tasks.console import show_error
from ecr_tasks.errors import SettingsError

if TYPE_CHECKING:
    from ecr_tasks.source.project_files import TasksFile

TASKS = ("tasks.py", "tasks/__init__.py")

NAMES = ("invoke.yaml", "invoke.yml", "invoke.json", "invoke.py")
"""A project's file, the first of which Invoke reads (its documentation, "Configuration")."""


def config_paths(config: Config) -> tuple[Path, ...]:
    """Return the files that Invoke has read, the highest first; it keeps their paths for itself.

    Where there is none, it takes the Python file for an empty one.
    """
    from ecr_tasks.files import is_file

    levels = (getattr(config, f"_{level}_path", None) for level in ("runtime", "project", "user", "system"))
    return tuple(Path(path).absolute() for path in levels if path and is_file(path))


def find_in(folder: Path, prefix: str = "") -> Path | None:
    """Return the file that Invoke reads in a folder, whatever it is; ``prefix`` is ``.`` for the one of a home."""
    paths = (folder / f"{prefix}{name}" for name in NAMES)
    return next((path for path in paths if path.exists() or path.is_symlink()), None)


def find_project(folder: Path) -> Path:
    """Return the project that a folder is in: the nearest one upwards with tasks, an invoke.yaml or a dotenv file.

    tasks.py and Invoke's file count more than a dotenv file, which an application below may have, too. The search
    ends at the top of the repository; where there is none, a dotenv file further up, such as a home's, is nobody's.
    Without any, it is the folder itself.
    """
    from ecr_tasks.settings.env_files import OWN

    folders = [folder]
    while not (folders[-1] / ".git").exists() and folders[-1].parent != folders[-1]:
        folders.append(folders[-1].parent)
    in_repository = folders if (folders[-1] / ".git").exists() else [folder]
    for names, candidates in (((*TASKS, *NAMES), folders), ((OWN, ".env"), in_repository)):
        for candidate in candidates:
            if any((candidate / name).exists() for name in names):
                return candidate
    return folder


def check_project(folder: Path) -> None:
    """Raise Exit with code 2, after a sentence, when Invoke could not read a project's configuration."""
    if (path := find_in(folder)) is not None:
        check_file(path)


def check_own_files() -> None:
    """Raise Exit like :func:`check_project` for the user's and the machine's own configuration."""
    for folder, prefix in ((Path("/etc"), ""), (Path("~").expanduser(), ".")):
        if (path := find_in(folder, prefix)) is not None:
            check_file(path)


def check_file(path: Path) -> None:
    """Raise Exit like :func:`check_project` for one file."""
    from ecr_tasks.settings import invoke_files

    try:
        file = invoke_files.read(path)
        try:
            merge_dicts(copy_dict(Config.global_defaults()), dict(file.data or {}))
        except AmbiguousMergeError:
            sections = [name for name, value in Config.global_defaults().items() if isinstance(value, dict)]
            wrong = next(name for name in sections if not isinstance((file.data or {}).get(name, {}), dict))
            raise SettingsError(
                f"{path}: the key {wrong} is Invoke's own, a section, and has a value instead.",
                "Correct it there: https://docs.pyinvoke.org has its settings.",
            ) from None
    except SettingsError as error:
        raise exit_with(error) from error


def tasks_of(project: Path) -> TasksFile | None:
    """Return a project's own tasks, with what is wrong with them; loaded by Invoke to see, if they are not yet."""
    from ecr_tasks.clients.invoke_loader import load_mistake
    from ecr_tasks.source.project_files import tasks_file

    tasks = tasks_file(project)
    if tasks is None or tasks.mistake or not tasks.is_invokes:
        return tasks
    path = project / tasks.name
    is_loaded = any(getattr(module, "__file__", None) == str(path) for module in list(sys.modules.values()))
    return tasks if is_loaded else replace(tasks, mistake=load_mistake(path))


def exit_with(error: SettingsError) -> Exit:
    """Show an error and return Invoke's Exit with its code."""
    show_error(error)
    return Exit(code=int(error.code))
