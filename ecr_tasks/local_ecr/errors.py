"""Errors: ECR's exceptions by their names in the API model, and an error for the user."""

from __future__ import annotations

import contextlib
import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The operating system's error numbers when a write does not fit: disk, quota, file-size limit."""

_RESET = "run local.reset, which empties it"


class LocalEcrError(Exception):
    """The local ECR could not be started, stopped or reached; ``cause`` and ``remedy`` are a sentence each."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause} {self.remedy}"


@contextlib.contextmanager
def folder_errors(root: Path) -> Iterator[None]:
    """Raise LocalEcrError when the operating system refuses the data folder ``root`` or a file in it."""
    try:
        yield
    except OSError as error:
        raise LocalEcrError(
            f"The local ECR can't use its folder {root}: {error.strerror or error}.",
            "Make room or give this user access there, or name another folder in XDG_DATA_HOME.",
        ) from error


def storage_problem(error: Exception) -> tuple[int, str] | None:
    """Return HTTP status, and cause and remedy, of an error of the data folder or the database in it; else None.

    SQLite's result codes (sqlite.org/rescode.html): FULL, READONLY, CORRUPT, NOTADB, CANTOPEN, IOERR; ERROR (no such
    table) where the tables are not ours.
    """
    if is_disk_full(error):
        return 507, f"No space left on the local ECR's disk. Make room there, or {_RESET}."
    if isinstance(error, LocalEcrError):
        return 500, str(error)
    if isinstance(error, OSError):
        return 500, f"The local ECR can't use its folder: {error.strerror}. Give this user access there, or {_RESET}."
    if type(error).__name__ not in ("DatabaseError", "OperationalError"):  # others would be errors of the program
        return None
    if "readonly" in str(error):
        return 500, "The local ECR's store can't be written: give this user access there, and start it again."
    return 500, f"The local ECR's store can't be read ({error}). If it is damaged, {_RESET}."


class EcrError(Exception):
    """An exception of the ECR API, by the name that the API model gives it.

    ``fields`` are the extra members some exceptions have (InvalidLayerPartException). The registry translates
    the same exceptions into the errors of the OCI distribution specification (``distribution/errors.py``).
    """

    def __init__(self, name: str, message: str, *, status: int = 400, **fields: Any) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message
        self.status = status
        self.fields = fields


def invalid(parameter: str, constraint: str) -> EcrError:
    """Return an InvalidParameterException with ECR's message."""
    return EcrError(
        "InvalidParameterException",
        f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'",
    )


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error of a file or of SQLite means that the disk (or quota, or file-size limit) is full."""
    if isinstance(error, OSError):
        return error.errno in DISK_FULL
    # SQLITE_FULL, and SQLITE_IOERR_* for a WAL that cannot grow; 3.10 has no sqlite_errorcode. Recognized by its
    # name, so that sqlite3 is not imported to control a server.
    if type(error).__name__ == "OperationalError":
        return "full" in str(error) or "disk I/O error" in str(error)
    return False
