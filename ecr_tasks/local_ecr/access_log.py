"""The access log, JSON lines in the data folder, and the counts that sum it up.

The counts survive a restart: every five minutes and at the end they are stored together with the log's length at that
moment, and the lines beyond it are counted when the counts are next needed. Each registry has counts of its own, by
its name (``account/region``). No secret is ever written: of a query string, only parameters known to be harmless.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import Counter
from urllib.parse import quote

from .constants import RESET_PATH, STATUS_PATH, STOP_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from .http.messages import Request
    from .store.database import Database

MAX_BYTES = 32 << 20
"""A log that has grown to this size is set aside as ``access.1.jsonl``, in place of the one before."""

_HARMLESS_PARAMETERS = ("digest", "mount", "from", "n", "last", "artifactType", "tag")
_SETTING = "counts"


class AccessLog:
    """Appends to ``path``; counts by operation (API, STS) or by method and kind (registry).

    ``registry`` is the name (``account/region``) of the default one, to which a request without a registry belongs.
    """

    def __init__(self, path: Path, db: Database, registry: str) -> None:
        self._path = path
        self._db = db
        self._registry = registry
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}
        self._earlier_counts: dict[str, Counter[str]] | None = None
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
                self._counts.setdefault(request.registry or self._registry, Counter())[key] += 1

    def write(self, request: Request, status: int, sent: int) -> None:
        """Append a line, unless the request is administrative. ``sent`` is the size of the body in bytes."""
        if request.path in (STATUS_PATH, RESET_PATH, STOP_PATH):
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
        }
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):  # a full disk must not stop the answer
            self._size += os.write(self._fd, data)
            if self._size >= MAX_BYTES:
                self._rotate()

    def counts(self, account: str | None = None, region: str | None = None) -> dict[str, int]:
        """Return the number of requests since the store was last emptied, by key; also of some registries only."""
        with self._lock:
            all_counts = self._sum()
        total: Counter[str] = Counter()
        for registry, counts in all_counts.items():
            registry_account, _, registry_region = registry.partition("/")
            if account in (None, registry_account) and region in (None, registry_region):
                total += counts
        return dict(sorted(total.items()))

    def save(self) -> None:
        """Store the counts, so that the next start has less of the log to read."""
        with self._lock:
            self._save(self._size)

    def clear(self) -> None:
        """Empty the log and the counts."""
        with self._lock:
            os.ftruncate(self._fd, 0)
            self._size = self._start = 0
            self._counts, self._earlier_counts = {}, {}
            self._save(0)

    def close(self) -> None:
        """Store the counts and close the log."""
        with contextlib.suppress(Exception):
            self.save()
        os.close(self._fd)

    def _sum(self) -> dict[str, Counter[str]]:
        if self._earlier_counts is None:
            self._earlier_counts = self._read_earlier()
        total = dict(self._earlier_counts)
        for registry, counts in self._counts.items():
            total[registry] = total.get(registry, Counter()) + counts
        return total

    def _save(self, offset: int) -> None:
        others = self._sum()
        default = others.pop(self._registry, Counter())
        self._db.set(_SETTING, json.dumps({"offset": offset, "counts": default, "others": others}))

    def _read_earlier(self) -> dict[str, Counter[str]]:
        """Return the counts of all requests before this process started."""
        text = self._db.setting(_SETTING)
        saved: dict[str, Any] = json.loads(text) if text else {"offset": 0, "counts": {}}
        all_counts = {**saved.get("others", {}), self._registry: saved["counts"]}
        total = {registry: Counter(counts) for registry, counts in all_counts.items()}
        with self._path.open("rb") as log:
            log.seek(saved["offset"])
            while log.tell() < self._start and (entry := log.readline()):
                with contextlib.suppress(ValueError, KeyError, TypeError):  # a line cut short by kill -9
                    line = json.loads(entry)
                    key = _key(line["operation"], line["method"], line["kind"])
                    if key is not None and line["status"] != 499:
                        total.setdefault(line.get("registry", self._registry), Counter())[key] += 1
        return total

    def _rotate(self) -> None:
        if self._earlier_counts is None:
            self._earlier_counts = self._read_earlier()
        self._path.replace(self._path.with_name("access.1.jsonl"))
        os.close(self._fd)
        self._open()
        self._start = 0
        self._save(0)


def _key(operation: str | None, method: str, kind: str | None) -> str | None:
    if operation is not None:
        return operation
    return None if kind is None else f"{method} {kind}"


def _harmless_path(request: Request) -> str:
    parameters = [
        f"{name}={quote(value, safe=':/')}" for name in _HARMLESS_PARAMETERS for value in request.query.get(name, ())
    ]
    return request.path + ("?" + "&".join(parameters) if parameters else "")
