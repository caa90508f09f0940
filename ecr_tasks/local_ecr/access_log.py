"""The access log: JSON lines in the data folder.

It contains no secrets: of a query string only harmless parameters are written.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from urllib.parse import quote

from .request_counts import RequestCounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .http.messages import Request
    from .store.database import Database

MAX_BYTES = 32 << 20
"""A log of this size is renamed to ``access.1.jsonl``, which replaces the earlier file of that name."""

_MAX_CLIENT = 100

_HARMLESS_PARAMETERS = ("digest", "mount", "from", "n", "last", "artifactType", "tag")


class AccessLog:
    """Append requests to the file ``path``, and count them in ``counts``.

    ``registry`` is the name (``account/region``) of the default one, to which a request without a registry belongs.
    """

    def __init__(self, path: Path, db: Database, registry: str) -> None:
        self.path = path
        self._registry = registry
        self._lock = threading.Lock()
        self._open()
        self.counts = RequestCounts(db, path, self._size, registry)

    def _open(self) -> None:
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def count(self, request: Request) -> None:
        """Count a request that has been answered."""
        self.counts.add(request)

    def write(self, request: Request, status: int, sent: int) -> None:
        """Append a line, if the request is to be logged. ``sent`` is the size of the body in bytes."""
        if not request.is_logged:
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        line = {
            "time": f"{stamp}.{int(now % 1 * 1000):03d}Z",
            "registry": request.registry or self._registry,
            "method": request.method,
            "path": _harmless_path(request),
            "operation": request.operation,
            "kind": request.kind,
            "status": status,
            "bytes": sent,
            "received": request.received,
            "milliseconds": round((time.perf_counter() - request.started) * 1000, 2),
            "client": request.headers.get("User-Agent", "")[:_MAX_CLIENT],
        }
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):  # a full disk must not prevent the response
            self._size += os.write(self._fd, data)
            if self._size >= MAX_BYTES:
                self._rotate()

    def save_counts(self) -> None:
        """Store the counts, so that the next start has less of the log to read."""
        with self._lock:
            self.counts.save(self._size)

    def clear(self) -> None:
        """Empty the log and the counts."""
        with self._lock:
            os.ftruncate(self._fd, 0)
            self._size = 0
            self.counts.clear()

    def close(self) -> None:
        """Store the counts and close the log."""
        with contextlib.suppress(Exception):
            self.save_counts()
        os.close(self._fd)

    def _rotate(self) -> None:
        self.counts.read_earlier()
        self.path.replace(self.path.with_name("access.1.jsonl"))
        os.close(self._fd)
        self._open()
        self.counts.save(0)


def _harmless_path(request: Request) -> str:
    parameters = [
        f"{name}={quote(value, safe=':/')}" for name in _HARMLESS_PARAMETERS for value in request.query.get(name, ())
    ]
    return request.path + ("?" + "&".join(parameters) if parameters else "")
