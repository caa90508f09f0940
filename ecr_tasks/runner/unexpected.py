"""The last resort: the sentences for an error that nobody foresaw, which say where it happened and whom to tell."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from ecr_tasks import __version__
from ecr_tasks.console import say, show_error
from ecr_tasks.errors import UnexpectedError
from ecr_tasks.redaction import redact

_PACKAGE = Path(__file__).parents[1]
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_FULL_BYTES = 64 * 1024
"""A file system with less room than this is full."""


def unexpected(error: BaseException) -> UnexpectedError:
    """Return the error for an exception that nobody foresaw; its text is left out, because it may hold a secret.

    An operating system that refuses something is no bug of ours; a full disk is named by a folder on it.
    """
    if isinstance(error, OSError) and error.strerror:
        place = error.filename or (_full_folder() if error.errno in _NO_ROOM else None)
        subject = f"{os.fsdecode(place)} can't be used" if place else "The operating system refuses something"
        return UnexpectedError(
            f"{subject}: {error.strerror}.",
            "Make room or give this user access there, and run it again; ECR_DEBUG=1 shows where it happened.",
        )
    if isinstance(error, MemoryError):
        return UnexpectedError(
            f"This machine's memory, or what this job may have of it, is used up{_place(error)}.",
            f"Give it more; if that doesn't help, {_report()}",
        )
    return UnexpectedError(
        f"ecr-tasks met something that it did not expect ({type(error).__name__}{_place(error)}).",
        f"Run it with ECR_DEBUG=1, which shows all of it, and {_report()}",
    )


def is_debugging() -> bool:
    """Return whether the environment asks for tracebacks, whatever the settings' files say."""
    return os.environ.get("ECR_DEBUG", "").lower() in ("1", "true", "yes", "on")


def show(error: UnexpectedError, origin: BaseException) -> None:
    """Print an error, after its traceback if the environment asks for it."""
    if is_debugging():
        say(*redact("".join(traceback.format_exception(origin))).splitlines())
    show_error(error)


def _place(error: BaseException) -> str:
    """Return the last line of ours that the error went through, as " in FILE, line N"; nothing without one."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _PACKAGE in Path(frame.filename).parents:
            return f" in {Path(frame.filename).relative_to(_PACKAGE).as_posix()}, line {frame.lineno}"
    return ""


def _report() -> str:
    """Return the request to report it, with the place that the installed package names, if it does."""
    urls: dict[str, str] = {}
    with suppress(Exception):  # the package may be broken, or no file can be opened any more
        from importlib.metadata import metadata

        urls = dict(entry.split(", ", 1) for entry in metadata("ecr-tasks").get_all("Project-URL") or ())
    place = urls.get("Issues") or "the issues of the project that you have ecr-tasks from"
    python = ".".join(map(str, sys.version_info[:3]))
    return f"report that at {place} (ecr-tasks {__version__}, Python {python}, {sys.platform}); leave secrets out."


def _full_folder() -> str | None:
    """Return the folder without room, among those that a run writes to."""
    for folder in filter(None, (os.environ.get("TMPDIR"), "/tmp", ".", os.environ.get("HOME"))):  # noqa: S108
        with suppress(OSError, AttributeError):
            room = os.statvfs(folder)
            if room.f_bavail * room.f_frsize < _FULL_BYTES or (room.f_files and not room.f_favail):
                return str(Path(folder).absolute())
    return None
