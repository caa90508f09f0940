"""What all ports of one local ECR share: a limit on their connections, and one on the memory for requests' bodies."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time

from .messages import BadRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Protocol

    class Waiting(Protocol):
        """A connection that can be closed while it waits for its client."""

        is_idle: bool

        @property
        def waits_since(self) -> float: ...
        def evict(self) -> None: ...


MAX_CONNECTIONS = 512
"""The largest number of connections; other clients wait in the operating system's queue."""

FULL_WAIT = 1.0
"""Seconds for which a client in the middle of a request or response may keep us waiting while others have no room."""

MEMORY_LIMIT = 32 << 20
"""The number of bytes that large bodies may take in memory at once; a body that takes more is the only one."""

_MEMORY_FACTOR = 4
"""Received, decoded and parsed, a body takes about four times its size."""

MEMORY_WAIT = 30.0
"""Seconds for which a request waits for the memory that others use."""

_OTHER_DESCRIPTORS = 128


class Limits:
    """The connections and the memory of one local ECR. ``folder`` is where bodies are kept while they arrive."""

    def __init__(self, folder: Path | None = None) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # A connection needs one descriptor, and another one for the file that it reads or writes.
        files = MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else max((soft - _OTHER_DESCRIPTORS) // 2, 8)
        self._max_connections = min(MAX_CONNECTIONS, files)
        self._folder = folder
        self._count = 0
        self._connections: set[Waiting] = set()
        self._memory_left = MEMORY_LIMIT
        self._changed = threading.Condition()

    def enter(self, is_stopping: Callable[[], bool]) -> None:
        """Count one more connection; wait until there is room.

        Where there is none, idle connections are closed, which a client must expect at any time (RFC 9112, section
        9.5), and then those whose clients keep us waiting.
        """
        with self._changed:
            while self._count >= self._max_connections and not is_stopping():
                if self._evict():
                    self._changed.wait(FULL_WAIT)  # until the one that was closed has left
                else:
                    self._changed.wait(0.05)
            self._count += 1

    def leave(self) -> None:
        """Count one connection less."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def add(self, connection: Waiting) -> None:
        """Let a connection be closed when there is no room for another."""
        with self._changed:
            self._connections.add(connection)

    def discard(self, connection: Waiting) -> None:
        """Forget a connection that has ended."""
        with self._changed:
            self._connections.discard(connection)

    def _evict(self) -> bool:
        """Close the connection that has waited for its client longest, an idle one first; returns whether it did."""
        latest = time.monotonic() - FULL_WAIT
        candidates = [item for item in self._connections if item.is_idle or item.waits_since <= latest]
        if not candidates:
            return False
        victim = min(candidates, key=lambda item: (not item.is_idle, item.waits_since))
        self._connections.discard(victim)
        victim.evict()
        return True

    def create_file(self) -> int:
        """Return the descriptor of a new file without a name; the caller closes it. Raises OSError."""
        if self._folder is None:
            raise OSError("There is no folder for large bodies")
        path = self._folder / f"body.{os.urandom(8).hex()}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with contextlib.suppress(OSError):
            path.unlink()
        return fd

    def borrow(self, size: int) -> None:
        """Take the memory for a body of ``size`` bytes, until ``give_back``. Raises BadRequest (503)."""
        deadline = time.monotonic() + MEMORY_WAIT
        size = min(size * _MEMORY_FACTOR, MEMORY_LIMIT)
        with self._changed:
            while self._memory_left < size:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise BadRequest(503, "Too many large requests at once; try again later.")
            self._memory_left -= size

    def give_back(self, size: int) -> None:
        """Return what ``borrow`` took."""
        with self._changed:
            self._memory_left += min(size * _MEMORY_FACTOR, MEMORY_LIMIT)
            self._changed.notify_all()
