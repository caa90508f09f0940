"""The `init` task: write a project's first files: .env, tasks.py, and lines in .gitignore and .dockerignore."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ecr_tasks.console import say
from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

_ENV = """\
# Settings for ecr-tasks (`inv settings` shows them all). Empty means not set. Keep this file out of git.
AWS_REGION=
AWS_ACCOUNT_ID=
ECR_REPOSITORY={repository}
"""
_TASKS = """\
from ecr_tasks import ns

__all__ = ["ns"]
"""
_IGNORED = {
    ".gitignore": (".env", ".env.*", "!.env.example", ".ecr-tasks/"),
    ".dockerignore": (".env", ".env.*", ".git", ".ecr-tasks"),
}


@task()
def init(run: Run) -> None:
    """Write a starting .env, tasks.py and ignore lines; overwrite nothing."""
    for line in write_project_files(run.project, dry=run.dry):
        say(line)


def write_project_files(project: Path, *, dry: bool = False) -> list[str]:
    """Write what is missing and return a line about each file; overwrite nothing.

    ``.env`` is made readable by its owner alone, since keys may be put there. Raises SettingsError when the
    folder can't be written.
    """
    lines = []
    try:
        name = _repository(project)
        lines.append(_write(project / ".env", _ENV.format(repository=name), 0o600, dry=dry))
        lines.append(_write(project / "tasks.py", _TASKS, 0o644, dry=dry))
        for file, patterns in _IGNORED.items():
            lines.append(_add(project / file, patterns, dry=dry))
    except OSError as error:
        raise SettingsError(
            f"{error.filename} can't be written: {error.strerror}.",
            "Give write access to the project's folder.",
        ) from error
    return lines


def _repository(project: Path) -> str:
    """Return the folder's name as ECR takes it: ``[a-z0-9]+`` with single separators (API model, RepositoryName)."""
    name = re.sub(r"[^a-z0-9]+", "-", project.name.lower()).strip("-")
    return name if len(name) > 1 else "app"


def _write(path: Path, text: str, mode: int, *, dry: bool) -> str:
    if path.exists():
        return f"{path.name}: there already, left alone"
    if dry:
        return f"{path.name}: would be written"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
    return f"{path.name}: written"


def _add(path: Path, lines: tuple[str, ...], *, dry: bool) -> str:
    """Append the lines that are missing; in bytes, because the file's encoding is not known."""
    before = path.read_bytes() if path.exists() else b""
    has = {line.strip() for line in before.split(b"\n")}
    missing = [line for line in lines if line.encode() not in has]
    if not missing:
        return f"{path.name}: has what it needs"
    # A later pattern wins, so an exception must stand behind what it excepts from.
    missing += [line for line in lines if line.startswith("!") and line not in missing]
    if dry:
        return f"{path.name}: would get {', '.join(missing)}"
    separator = b"" if not before or before.endswith(b"\n") else b"\n"
    with path.open("ab") as file:
        file.write(separator + "\n".join(missing).encode() + b"\n")
    return f"{path.name}: {', '.join(missing)} added"
