"""What can go wrong: an ECR exception by its name in the API model, and an error for the person at the keyboard."""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the operating system says when a write no longer fits: disk, quota, file-size limit."""

NO_SPACE = "No space left on the local ECR's disk."


class LocalEcrError(Exception):
    """The local ECR could not be started, stopped or asked: one sentence of cause, one of remedy."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause} {self.remedy}"


class EcrError(Exception):
    """An exception of the ECR API, by the name that the API model gives it.

    ``fields`` are the extra members some exceptions have (InvalidLayerPartException). The registry translates
    the same exceptions into the errors of the OCI distribution specification (``registry/errors.py``).
    """

    def __init__(self, name: str, message: str, *, status: int = 400, **fields: Any) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message
        self.status = status
        self.fields = fields


def invalid(parameter: str, constraint: str) -> EcrError:
    """An InvalidParameterException in the words ECR uses."""
    return EcrError(
        "InvalidParameterException",
        f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'",
    )


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that the disk (or quota, or file-size limit) is full, from a file or from SQLite."""
    if isinstance(error, OSError):
        return error.errno in DISK_FULL
    # SQLITE_FULL, and SQLITE_IOERR_* for a WAL that cannot grow; 3.10 has no sqlite_errorcode. Told by its
    # name, as those who only control a server need no sqlite3.
    if type(error).__name__ == "OperationalError":
        return "full" in str(error) or "disk I/O error" in str(error)
    return False
