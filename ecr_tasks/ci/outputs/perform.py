"""Perform the actions that adapters return. A failure is a warning: the image is published all the same."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from ecr_tasks.ci.outputs.actions import Action, Append, Print, PrintSecret, Start, Write
from ecr_tasks.ci.outputs.summary import fit
from ecr_tasks.console import say, warn

TIMEOUT = 60
"""Seconds that a CI's own program may take."""


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
    """Return whether stderr is a pipe of its own, as a CI's runner reads it: no file, no terminal, not `2>&1 | tee`.

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
    try:
        if isinstance(action, Append):
            _append(path, action)
            return
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        path.write_bytes(_bytes(action.text))
    except OSError as error:
        warn(f"{path} can't be written ({error.strerror}): the pipeline will not find what it would hold.")


def _append(path: Path, action: Append) -> None:
    text = action.text
    if action.limit is not None:
        size = path.stat().st_size if path.exists() else 0
        text = fit(text, action.limit - size)
    with path.open("ab") as file:
        file.write(_bytes(text))


def _start(action: Start) -> None:
    program = shutil.which(action.arguments[0])
    if program is None:
        return
    try:
        done = subprocess.run(  # noqa: S603 - the CI's own program, without a shell
            [program, *action.arguments[1:]], input=_bytes(action.stdin), capture_output=True, timeout=TIMEOUT
        )
        failed = done.returncode != 0
    except (OSError, subprocess.TimeoutExpired):
        failed = True
    if failed:
        warn(f"`{' '.join(action.arguments[:3])}` failed: the CI has not been told.")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
