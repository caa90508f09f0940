"""The number of calls of each operation, by registry. The counts survive a restart.

Every five minutes and at the end they are stored together with the access log's length at that moment; the lines
beyond it are counted when the counts are next needed.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter, defaultdict

from .json_text import parse_json
from .store.database import stored_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from .http.messages import Request
    from .store.database import Database

_SETTING = "counts"

_MAX_REGISTRIES = 200
"""The largest number of registries that are counted by themselves: a request can name one that does not exist."""


class RequestCounts:
    """Counts by operation (API, STS) or by method and kind (registry), for each registry (``account/region``).

    ``log`` is the access log, of which the first ``log_size`` bytes are from earlier runs. A request without a
    registry belongs to ``default_registry``.
    """

    def __init__(self, db: Database, log: Path, log_size: int, default_registry: str) -> None:
        self._db = db
        self._log = log
        self._log_size = log_size
        self._default_registry = default_registry
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._has_earlier = False
        self._lock = threading.Lock()

    def add(self, request: Request) -> None:
        """Count a request that has been answered."""
        key = _key(request.operation, request.method, request.kind)
        if key is not None:
            with self._lock:
                self._of(request.registry)[key] += 1

    def total(self, account: str | None = None, region: str | None = None) -> dict[str, int]:
        """Return the number of requests by key since the last reset: all, of an account or of a region."""
        total: Counter[str] = Counter()
        with self._lock:
            self._add_earlier()
            for registry, counts in self._counts.items():
                registry_account, _, registry_region = registry.partition("/")
                if account in (None, registry_account) and region in (None, registry_region):
                    total += counts
        return dict(sorted(total.items()))

    def read_earlier(self) -> None:
        """Read the counts of earlier runs; call it before the log loses their lines."""
        with self._lock:
            self._add_earlier()

    def save(self, log_size: int) -> None:
        """Store the counts; the next start counts the log's lines after ``log_size`` bytes."""
        with self._lock:
            self._add_earlier()
            others = dict(self._counts)
            default = others.pop(self._default_registry, Counter())
            self._db.set(_SETTING, json.dumps({"offset": log_size, "counts": default, "others": others}))

    def clear(self) -> None:
        """Forget all counts."""
        with self._lock:
            self._counts.clear()
            self._has_earlier = True
        self.save(0)

    def _add_earlier(self) -> None:
        if self._has_earlier:
            return
        text = self._db.setting(_SETTING)
        saved: dict[str, Any] = stored_json(text) if text else {"offset": 0, "counts": {}}
        with self._log.open("rb") as log:
            self._has_earlier = True
            for registry, counts in {**saved.get("others", {}), self._default_registry: saved["counts"]}.items():
                self._of(registry).update(counts)
            log.seek(saved["offset"])
            while log.tell() < self._log_size and (entry := log.readline()):
                with contextlib.suppress(ValueError, KeyError, TypeError):  # a line cut short by kill -9
                    line = parse_json(entry)
                    key = _key(line["operation"], line["method"], line["kind"])
                    if key is not None and line["status"] != 499:
                        self._of(line.get("registry"))[key] += 1

    def _of(self, registry: str | None) -> Counter[str]:
        if registry is None or (registry not in self._counts and len(self._counts) >= _MAX_REGISTRIES):
            registry = self._default_registry
        return self._counts[registry]


def _key(operation: str | None, method: str, kind: str | None) -> str | None:
    return operation or (kind and f"{method} {kind}")
