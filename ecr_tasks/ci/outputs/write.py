"""Functions that give a run's results to the CI: values, summary, log groups, errors.

A failure here is only a warning, because the image is published already.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Action, Adapter, Append, Print, PrintSecret, Start, Write
from ecr_tasks.ci.outputs.files import files
from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.ci.outputs.summary import truncate
from ecr_tasks.console import say, warn
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.files import append_bytes
from ecr_tasks.model.child_environment import agent_environment
from ecr_tasks.model.receipt import FOLDER

TIMEOUT = 60
"""Seconds that a CI's own program may take."""


def write_outputs(adapter: Adapter, environ: Mapping[str, str], outputs: Outputs, project: Path) -> None:
    """Write the files that every pipeline can read, and pass values and summary to the CI."""
    folder = project / FOLDER
    perform([*files(outputs), *adapter.outputs(outputs, environ, folder)], folder)


def write_own(outputs: Outputs, folder: Path) -> None:
    """Write the files of one image into its repository's own folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        warn(f"{folder} can't be made ({error.strerror}): the pipeline will not find what it would hold.")
        return
    for action in files(outputs):
        _write(action, folder)


@contextmanager
def log_group(adapter: Adapter, title: str) -> Iterator[None]:
    """Put everything that is printed in the context into a group of the CI's log, if it has groups."""
    if (line := adapter.group_start(title, time.time())) is not None:
        say(line)
    try:
        yield
    finally:
        if (line := adapter.group_end(title, time.time())) is not None:
            say(line)


def show_error(adapter: Adapter, environ: Mapping[str, str], error: EcrTasksError, project: Path) -> None:
    """Show an error where the CI shows errors, in addition to the two sentences on stderr."""
    perform(adapter.error(error.cause, error.remedy, environ), project / FOLDER)


def perform(actions: Iterable[Action], folder: Path) -> None:
    """Perform actions in order; ``folder`` is the project's ``.ecr-tasks/``, which is created if it is missing."""
    for action in actions:
        if isinstance(action, Print):
            say(action.text)
        elif isinstance(action, PrintSecret):
            if only_ci_reads_stderr():
                say(action.text)
        elif isinstance(action, Start):
            _start(action)
        else:
            _write(action, folder)


def only_ci_reads_stderr() -> bool:
    """Return whether stderr is a pipe separate from stdout, as CI runners give; no file, terminal or `2>&1 | tee`.

    A command that masks a secret contains the secret, and must not be in a log that somebody keeps.
    """
    try:
        stderr, stdout = os.fstat(sys.stderr.fileno()), os.fstat(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    piped = stat.S_ISFIFO(stderr.st_mode) or stat.S_ISSOCK(stderr.st_mode)
    return piped and (stderr.st_dev, stderr.st_ino) != (stdout.st_dev, stdout.st_ino)


def _write(action: Append | Write, folder: Path) -> None:
    path = Path(action.path) if isinstance(action, Append) else folder / action.name
    text = action.text
    try:
        if isinstance(action, Write):
            folder.mkdir(exist_ok=True)
            ignore = folder / ".gitignore"
            if folder.name == FOLDER and not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        elif action.limit is not None:
            text = truncate(text, action.limit - (path.stat().st_size if path.exists() else 0))
        if isinstance(action, Append):
            append_bytes(path, _bytes(text))
        else:
            path.write_bytes(_bytes(text))
    except OSError as error:
        warn(f"{path} can't be written ({error.strerror}): the pipeline will not find what it would hold.")


def _start(action: Start) -> None:
    program = shutil.which(action.arguments[0])
    if program is None:
        return
    try:
        subprocess.run(  # noqa: S603 - the CI's own program, without a shell
            [program, *action.arguments[1:]],
            input=_bytes(action.stdin),
            env=agent_environment(os.environ, action.arguments[0]),
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        warn(f"`{' '.join(action.arguments[:3])}` failed: the CI has not been told.")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
