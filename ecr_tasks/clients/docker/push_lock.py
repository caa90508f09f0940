"""Turns: on one machine, one run at a time builds and publishes under a tag.

Two runs that give one local name to different images would push each other's; and what the first one publishes
the second need not build.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ecr_tasks.clients.docker.file_lock import Held, hold


class Turns:
    """The turns that this run has, by reference (``host/repository:tag``)."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    def has(self, reference: str) -> bool:
        """Whether it is this run's turn; never on a system without file locks."""
        return reference in self._held

    def take(self, reference: str, waiting: Callable[[str], None]) -> bool:
        """Waits for the turn if need be; says whether it had to, since what was known before may be old then.

        ``waiting`` is told the reference before a wait.
        """
        if reference in self._held:
            return False
        path = _path(reference)
        held = hold(path, wait=False)
        waited = held is None and path.exists()
        if waited:
            waiting(reference)
        held = held or hold(path)
        if held is not None:
            self._held[reference] = held
        return waited

    def end(self, reference: str) -> None:
        """Lets the next run go on."""
        with suppress(KeyError):
            self._held.pop(reference).release()

    def close(self) -> None:
        """Ends every turn."""
        for reference in list(self._held):
            self.end(reference)


def _path(reference: str) -> Path:
    user = os.getuid() if hasattr(os, "getuid") else 0
    name = hashlib.sha256(reference.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ecr-tasks-push-{user}-{name}.lock"
