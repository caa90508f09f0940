"""Locks between processes on one machine, released by the kernel when their holder dies."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class Held:
    """A lock that is held until :meth:`release`, or until this process ends; its file goes with it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Removes the file and lets go; doing so twice is harmless."""
        if self._descriptor is not None:
            with suppress(OSError):
                self._path.unlink()
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def hold(path: Path, *, wait: bool = True) -> Held | None:
    """Locks a file, made for it if need be; None when somebody else holds it and ``wait`` is false.

    Where the system has no flock (Windows) nothing is locked and None is returned.
    """
    try:
        import fcntl
    except ImportError:
        return None
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                return Held(path, descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        # Its last holder removed the file between our opening and our locking it; a new one is needed.
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
