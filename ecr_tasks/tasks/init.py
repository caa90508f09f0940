"""The `init` task: write .env and tasks.py for a new project, and add lines to .gitignore and .dockerignore."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ecr_tasks.console import say
from ecr_tasks.errors import SettingsError
from ecr_tasks.files import append_bytes, read_bytes
from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

_ENV_TEMPLATE = """\
# Settings for ecr-tasks (`inv settings` shows them all). Empty means not set. Keep this file out of git.
AWS_REGION=
AWS_ACCOUNT_ID=
ECR_REPOSITORY={repository}
"""
_TASKS_FILE = """\
from ecr_tasks import ns

__all__ = ["ns"]
"""
_IGNORE_PATTERNS = {
    ".gitignore": (".env", ".env.*", "!.env.example", ".ecr-tasks/"),
    ".dockerignore": (".env", ".env.*", ".git", ".ecr-tasks"),
}


@task()
def init(run: Run) -> None:
    """Write a starting .env, tasks.py and ignore lines; overwrite nothing."""
    for line in write_project_files(run.project, dry=run.dry):
        say(line)


def write_project_files(project: Path, *, dry: bool = False) -> list[str]:
    """Write the missing files and return a line about each file; overwrite nothing.

    Only its owner can read ``.env``, because users may write keys into it. Raises SettingsError when the folder is
    not writable.
    """
    lines = []
    try:
        name = _repository_name(project)
        lines.append(_write(project / ".env", _ENV_TEMPLATE.format(repository=name), 0o600, dry=dry))
        lines.append(_write(project / "tasks.py", _TASKS_FILE, 0o644, dry=dry))
        for file, patterns in _IGNORE_PATTERNS.items():
            lines.append(_append_missing(project / file, patterns, dry=dry))
    except OSError as error:
        raise SettingsError(
            f"{error.filename} can't be written: {error.strerror}.",
            "Give write access to the project's folder.",
        ) from error
    return lines


def _repository_name(project: Path) -> str:
    """Return the folder's name as a valid repository name: ``[a-z0-9]+`` with ``-`` between (API model,
    RepositoryName)."""
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


def _append_missing(path: Path, lines: tuple[str, ...], *, dry: bool) -> str:
    """Append the lines that are missing. Compares bytes, because the file's encoding is not known."""
    content = read_bytes(path) if path.exists() else b""
    existing = {line.strip() for line in content.split(b"\n")}
    missing = [line for line in lines if line.encode() not in existing]
    if not missing:
        return f"{path.name}: has what it needs"
    # Later patterns win, so an exception is added again after the patterns that it makes an exception from.
    missing += [line for line in lines if line.startswith("!") and line not in missing]
    if dry:
        return f"{path.name}: would get {', '.join(missing)}"
    separator = b"" if not content or content.endswith(b"\n") else b"\n"
    append_bytes(path, separator + "\n".join(missing).encode() + b"\n")
    return f"{path.name}: {', '.join(missing)} added"
