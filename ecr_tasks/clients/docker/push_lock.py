"""Locks on tags: on one machine, one run at a time builds and pushes the image of a tag.

Two runs that give different images the same local name would push each other's image. And the second run doesn't
have to build what the first one has pushed.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ecr_tasks.clients.docker.file_lock import FileLock, lock_file, owner_of
from ecr_tasks.clients.docker.own_folder import PUSH, leave, other_folders, own_folder
from ecr_tasks.errors import BuildError
from ecr_tasks.signals import held_back

POLL_SECONDS = 0.1
QUIET_SECONDS = 0.3
"""A wait that is shorter isn't reported: another run's sweep has a lock for a moment."""
REPORT_SECONDS = 60


class PushLocks:
    """The locks that this run has, by reference (``host/repository:tag``)."""

    def __init__(self) -> None:
        self._locks: dict[str, FileLock] = {}

    def has(self, reference: str) -> bool:
        """Return whether this run has the lock; always False on a system without file locks."""
        return reference in self._locks

    def acquire(self, reference: str, report: Callable[[str], None], minutes: int) -> bool:
        """Lock a reference and return whether it waited for another run, which may have pushed the image meanwhile.

        ``report`` is called with a line for people when the wait begins, and with another one every minute. Raises
        BuildError when the wait is longer than ``minutes``, and OSError when the lock's file can't be written.
        """
        if reference in self._locks or os.name == "nt":
            return False
        name = f"{PUSH}{hashlib.sha256(reference.encode()).hexdigest()[:16]}.lock"
        start = time.monotonic()
        reports, attempts = 0, 0
        while True:
            path = own_folder() / name
            with suppress(FileNotFoundError), held_back():  # other runs remove the folder when they leave it empty
                if (lock := lock_file(path, wait=False)) is not None:
                    if not _is_held_elsewhere(path):
                        self._locks[reference] = lock
                        return attempts > 0
                    lock.release()
            attempts += 1
            waited = time.monotonic() - start
            owner = owner_of(path)
            if waited >= QUIET_SECONDS and waited >= minutes * 60:
                raise BuildError(
                    f"Another run ({owner}) still publishes {reference}, after the {minutes} minutes that "
                    "ECR_LOCK_MINUTES allows to wait.",
                    "End that process if it hangs, or set ECR_LOCK_MINUTES higher, and run it again.",
                )
            if waited >= QUIET_SECONDS and not reports:
                report(f"waiting: another run publishes {reference} ({owner}; {minutes} minutes at most)")
                reports = 1
            elif waited >= reports * REPORT_SECONDS and reports:
                report(f"still waiting, after {waited / 60:.0f} min: {owner} publishes {reference}")
                reports += 1
            time.sleep(POLL_SECONDS)

    def release(self, reference: str) -> None:
        """Unlock a reference; do nothing for one without a lock."""
        if lock := self._locks.pop(reference, None):
            lock.release()
            leave(lock.path.parent)

    def release_all(self) -> None:
        """Unlock every reference."""
        for reference in list(self._locks):
            self.release(reference)


def _is_held_elsewhere(path: Path) -> bool:
    """Return whether another run has the same lock in another folder of the user's."""
    for other in other_folders(path.parent):
        if (other / path.name).exists():
            if (lock := lock_file(other / path.name, wait=False)) is None:
                return True
            lock.release()
    return False
