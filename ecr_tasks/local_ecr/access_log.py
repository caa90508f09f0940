"""The access log, JSON lines in the data folder, and the counts that sum it up.

The counts survive a restart: every now and then they are stored together with the log's length at that
moment, and what the log has beyond it is counted when they are next asked for. Each registry has counts of its own,
by its place (``account/region``). No secret is ever written: of a query string, only parameters known to be harmless.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from urllib.parse import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from .http.messages import Request
    from .store.database import Database

MAX_BYTES = 32 << 20
"""A log that has grown to this size is set aside as ``access.1.jsonl``, in place of the one before."""

_HARMLESS = ("digest", "mount", "from", "n", "last", "artifactType", "tag")
_SETTING = "counts"


class AccessLog:
    """Appends to ``path``; counts by operation (API, STS) or by method and kind (registry).

    ``place`` is the default registry's, to which every request belongs that says nothing else.
    """

    def __init__(self, path: Path, db: Database, place: str) -> None:
        self._path = path
        self._db = db
        self._place = place
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, int]] = {}
        self._before: dict[str, dict[str, int]] | None = None
        self._open()
        self._start = self._size

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def count(self, request: Request) -> None:
        """Count a request that has been answered."""
        key = _key(request.operation, request.method, request.kind)
        if key is not None:
            with self._lock:
                _add(self._counts, request.registry or self._place, key)

    def write(self, request: Request, status: int, sent: int) -> None:
        """Append a line: bytes of the response's body, milliseconds from the request's first line."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        line = {
            "time": f"{stamp}.{int(now % 1 * 1000):03d}Z",
            "registry": request.registry or self._place,
            "method": request.method,
            "path": _safe_path(request),
            "operation": request.operation,
            "kind": request.kind,
            "status": status,
            "bytes": sent,
            "received": request.received,
            "milliseconds": round((time.perf_counter() - request.started) * 1000, 2),
        }
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):  # a full disk must not stop the answer
            self._size += os.write(self._fd, data)
            if self._size >= MAX_BYTES:
                self._rotate()

    def counts(self, account: str | None = None, region: str | None = None) -> dict[str, int]:
        """All requests since the store was last emptied, by name; only some registries' if an argument is given."""
        with self._lock:
            total = self._sum()
        found: dict[str, int] = {}
        for place, counts in total.items():
            its_account, _, its_region = place.partition("/")
            if account in (None, its_account) and region in (None, its_region):
                for key, count in counts.items():
                    found[key] = found.get(key, 0) + count
        return dict(sorted(found.items()))

    def save(self) -> None:
        """Store the counts, so that the next start has less of the log to read."""
        with self._lock:
            self._save(self._size)

    def clear(self) -> None:
        """Empty the log and the counts."""
        with self._lock:
            os.ftruncate(self._fd, 0)
            self._size = self._start = 0
            self._counts, self._before = {}, {}
            self._save(0)

    def close(self) -> None:
        """Store the counts and close the log."""
        with contextlib.suppress(Exception):
            self.save()
        os.close(self._fd)

    def _sum(self) -> dict[str, dict[str, int]]:
        if self._before is None:
            self._before = self._read_before()
        total = {place: dict(counts) for place, counts in self._before.items()}
        for place, counts in self._counts.items():
            for key, count in counts.items():
                _add(total, place, key, count)
        return total

    def _save(self, offset: int) -> None:
        further = self._sum()
        default = further.pop(self._place, {})
        self._db.set(_SETTING, json.dumps({"offset": offset, "counts": default, "further": further}))

    def _read_before(self) -> dict[str, dict[str, int]]:
        """What was counted before this process started."""
        saved = self._db.setting(_SETTING)
        known: dict[str, Any] = json.loads(saved) if saved else {"offset": 0, "counts": {}}
        counts: dict[str, dict[str, int]] = {**known.get("further", {}), self._place: known["counts"]}
        with self._path.open("rb") as log:
            log.seek(known["offset"])
            while log.tell() < self._start and (text := log.readline()):
                with contextlib.suppress(ValueError, KeyError, TypeError):  # a line cut short by kill -9
                    line = json.loads(text)
                    key = _key(line["operation"], line["method"], line["kind"])
                    if key is not None and line["status"] != 499:
                        _add(counts, line.get("registry", self._place), key)
        return counts

    def _rotate(self) -> None:
        self._before = self._before if self._before is not None else self._read_before()
        self._path.replace(self._path.with_name("access.1.jsonl"))
        os.close(self._fd)
        self._open()
        self._start = 0
        self._save(0)


def _add(counts: dict[str, dict[str, int]], place: str, key: str, count: int = 1) -> None:
    mine = counts.setdefault(place, {})
    mine[key] = mine.get(key, 0) + count


def _key(operation: str | None, method: str, kind: str | None) -> str | None:
    if operation is not None:
        return operation
    return None if kind is None else f"{method} {kind}"


def _safe_path(request: Request) -> str:
    shown = [f"{name}={quote(value, safe=':/')}" for name in _HARMLESS for value in request.query.get(name, ())]
    return request.path + ("?" + "&".join(shown) if shown else "")
