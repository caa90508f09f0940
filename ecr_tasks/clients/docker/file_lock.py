"""A file lock between the processes of one machine. The kernel releases it when its owner dies."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path


class FileLock:
    """A lock that lasts until :meth:`release` or the end of this process. Its file has the process id in it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Remove the file and give up the lock; a second call does nothing."""
        if self._descriptor is not None:
            with suppress(OSError):
                self.path.unlink()
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def lock_file(path: Path, *, wait: bool = True) -> FileLock | None:
    """Lock a file; create it if it does not exist. Its folder must be this user's own (:mod:`own_folder`).

    Returns None when another process has the lock and ``wait`` is false, and on a system without flock (Windows).
    Raises OSError, such as FileNotFoundError for a missing folder.
    """
    try:
        import fcntl
    except ImportError:
        return None
    while True:
        try:
            with ExitStack() as stack:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The last owner may have removed the file between our open and our lock; then lock a new file.
                with suppress(FileNotFoundError):
                    if os.path.samestat(path.stat(), os.fstat(descriptor)):
                        with suppress(OSError):  # the disk may be full; the process id is only for messages
                            os.pwrite(descriptor, f"{os.getpid()} {_namespace()}\n".encode(), 0)
                        stack.pop_all()
                        return FileLock(path, descriptor)
        except BlockingIOError:
            return None


def owner_of(path: Path) -> str:
    """Return a lock's owner in words: its process id here, where it is not one of another container."""
    with suppress(OSError, ValueError):
        process, _, namespace = path.read_text(encoding="ascii").strip().partition(" ")
        if process:
            return f"process {int(process)}" + (" of another container" if namespace != _namespace() else "")
    return "an unknown process"


def _namespace() -> str:
    """Return what tells apart in whose numbering process ids are; the empty text on systems with only one."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""
