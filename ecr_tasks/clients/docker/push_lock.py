"""Locks on tags: on one machine, one run at a time builds and pushes the image of a tag.

Two runs that give different images the same local name would push each other's image. And the second run doesn't
have to build what the first one has pushed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ecr_tasks.clients.docker.file_lock import FileLock, lock_file


class PushLocks:
    """The locks that this run has, by reference (``host/repository:tag``)."""

    def __init__(self) -> None:
        self._locks: dict[str, FileLock] = {}

    def has(self, reference: str) -> bool:
        """Return whether this run has the lock; always False on a system without file locks."""
        return reference in self._locks

    def acquire(self, reference: str, on_wait: Callable[[str], None]) -> bool:
        """Lock a reference and return whether it waited for another run, which may have pushed the image meanwhile.

        ``on_wait`` is called with the reference before the wait.
        """
        if reference in self._locks:
            return False
        user = os.getuid() if hasattr(os, "getuid") else 0
        name = hashlib.sha256(reference.encode()).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"ecr-tasks-push-{user}-{name}.lock"
        lock = lock_file(path, wait=False)
        must_wait = lock is None and path.exists()
        if must_wait:
            on_wait(reference)
        lock = lock or lock_file(path)
        if lock is not None:
            self._locks[reference] = lock
        return must_wait

    def release(self, reference: str) -> None:
        """Unlock a reference; do nothing for one without a lock."""
        if lock := self._locks.pop(reference, None):
            lock.release()

    def release_all(self) -> None:
        """Unlock every reference."""
        for reference in list(self._locks):
            self.release(reference)
