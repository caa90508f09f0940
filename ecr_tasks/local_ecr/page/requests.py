"""The last requests, from the access log: those that have come since the page last asked."""

from __future__ import annotations

import os

from ..json_text import parse_json
from . import version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..access_log import AccessLog
    from ..http.messages import Request
    from ..registries import Registries

_MAX_BYTES = 128 << 10
"""The page shows the last few hundred requests; of more only the end is read."""

_MAX_REQUESTS = 200
_MAX_TEXT = 300
_MEMBERS = ("time", "registry", "method", "path", "operation", "kind", "status", "bytes", "received", "milliseconds")


def document(registries: Registries, log: AccessLog, request: Request) -> dict[str, Any]:
    """Return the requests after ``after`` (an earlier answer's ``cursor``), the latest last, and the data's version.

    A cursor is a place in the log's file: without one, or if that file has been emptied or replaced, these are the
    last requests.
    """
    cursor, lines = _lines(log, request.parameter("after") or "")
    return {
        "version": version.of(registries),
        "cursor": cursor,
        "requests": [entry for entry in map(_entry, lines[-_MAX_REQUESTS:]) if entry is not None],
    }


def _lines(log: AccessLog, after: str) -> tuple[str, list[bytes]]:
    with log.path.open("rb") as file:
        status = os.fstat(file.fileno())
        inode, _, offset = after.partition("-")
        first = int(offset) if inode == str(status.st_ino) and offset.isascii() and offset.isdigit() else -1
        if not 0 <= first <= status.st_size:
            first = 0
        start = max(first, status.st_size - _MAX_BYTES)
        file.seek(start)
        data = file.read(status.st_size - start)
    end = data.rfind(b"\n") + 1  # a line that is being written comes with the next answer
    lines = data[:end].splitlines()
    return f"{status.st_ino}-{start + end}", lines[1:] if start > first else lines


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = parse_json(line)
    except ValueError:  # a line cut short by kill -9
        return None
    if not isinstance(entry, dict):
        return None
    return {name: _cut(entry.get(name)) for name in (*_MEMBERS, "client")}


def _cut(value: Any) -> Any:
    return value[:_MAX_TEXT] if isinstance(value, str) else value
