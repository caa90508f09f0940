"""The folders that this user's runs keep on the machine while they run, which nobody else can take, read or change.

All are in one folder of the user's, ``ecr-tasks-UID`` in the system's folder for temporary files, which other users
may share. A run has a folder of its own in there, and locks it before it exists: whatever is not locked has been left
by a run that was killed, and the next run removes it.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ecr_tasks.clients.docker.file_lock import FileLock, lock_file
from ecr_tasks.clients.docker.process import kill_users
from ecr_tasks.signals import held_back, was_interrupted

_PREFIX = "ecr-tasks-"
_RUN = "run-"
_LOCK = ".lock"

PUSH = "push-"
"""How the names of the locks on tags begin (:mod:`push_lock`)."""


class RunFolder:
    """A run's own folder, created at its first use and removed by :meth:`close`, after which there is none."""

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._lock: FileLock | None = None
        self._mutex = threading.Lock()
        self._closed = False
        self.path: Path | None = None
        self.before_sweep: Callable[[Path], None] = lambda path: None
        """Called with the folder of each killed run before it is removed; this run has its own by then."""

    def create(self) -> Path:
        """Return the folder. Create it, and remove what killed runs have left, if it isn't there. Raises OSError.

        Also after the end of the run, when a thread that nobody waits for may still ask for it.
        """
        with self._mutex:
            if self._closed:
                raise OSError(errno.ESHUTDOWN, "this run has ended")
            if self.path is not None:
                return self.path
            while self.path is None:
                path = own_folder(self._parent) / f"{_RUN}{secrets.token_hex(4)}"
                # Another run removes the user's folder if it is empty, that is, until our lock is in it.
                with suppress(FileNotFoundError), held_back():
                    self._lock = lock_file(_lock_path(path), wait=False)
                    if self._lock is not None or os.name == "nt":
                        self.path = path
                        path.mkdir(0o700)
            sweep(self._parent, self.before_sweep)
            return self.path

    def close(self, leave_file: str = "") -> None:
        """Remove the folder with everything in it; after an interruption, end what still uses it.

        A file that is to be left is one for the next run, which takes this folder for a killed run's.
        """
        with self._mutex:
            self._closed = True
            path, self.path = self.path, None
        if path is None:
            return
        if was_interrupted():
            kill_users(path)
        if leave_file and (path / leave_file).is_file():
            _empty(path, leave_file)
        else:
            shutil.rmtree(path, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
        leave(path.parent)


def sweep(parent: Path | None = None, before: Callable[[Path], None] = lambda path: None) -> None:
    """Remove what killed runs have left: their folders and locks, and the processes that still use a folder.

    ``before`` is called with each such folder. A running process has a lock. Unlike a process id, a lock also works
    between containers.
    """
    for folder in _own_folders(Path(parent or tempfile.gettempdir())):
        with suppress(OSError):
            names = {path.name.removesuffix(_LOCK) for path in folder.iterdir()}
            for path in (folder / name for name in names if name.startswith((_RUN, PUSH))):
                with suppress(OSError):
                    lock = lock_file(_lock_path(path), wait=False)
                    if lock is not None:
                        if path.is_dir():
                            kill_users(path)
                            before(path)
                            shutil.rmtree(path, ignore_errors=True)
                        lock.release()
        leave(folder)


def left_folders(parent: Path | None = None) -> list[Path]:
    """Return the folders of killed runs, which nobody has locked, without removing them."""
    left = []
    for folder in _own_folders(Path(parent or tempfile.gettempdir())):
        with suppress(OSError):
            for path in sorted(folder.glob(f"{_RUN}*")):
                if path.is_dir() and (lock := lock_file(_lock_path(path), wait=False)) is not None:
                    lock.release()
                    left.append(path)
    return left


def own_folder(parent: Path | None = None) -> Path:
    """Return the user's folder, which is created if it is missing. Another user can't take its place.

    While somebody else has its name, it is one with a random name, which the user's other runs find. Raises OSError
    when ``parent``, by default the system's folder for temporary files, can't be written.
    """
    parent = parent or Path(tempfile.gettempdir())
    usual = parent / _name()
    while not (folders := _own_folders(parent)):
        try:
            usual.mkdir(0o700)
        except FileExistsError:
            if _is_own(usual) is False:
                tempfile.mkdtemp(prefix=f"{_name()}-", dir=parent)
    return folders[0]


def other_folders(folder: Path) -> list[Path]:
    """Return the user's folders but one of them: two runs may each have created one, beside a name that is taken."""
    return [other for other in _own_folders(folder.parent) if other != folder]


def leave(folder: Path) -> None:
    """Remove the user's folder, unless something is in it."""
    with suppress(OSError):
        folder.rmdir()


def _empty(folder: Path, but: str) -> None:
    """Remove what is in a folder, but one file."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != but:
            with suppress(OSError):
                path.unlink()


def _own_folders(parent: Path) -> list[Path]:
    """Return the user's folders, first the usual one; several exist only after somebody else had its name."""
    return [path for path in (parent / _name(), *sorted(parent.glob(f"{_name()}-*"))) if _is_own(path)]


def _name() -> str:
    return f"{_PREFIX}{os.geteuid() if hasattr(os, 'geteuid') else 'runs'}"


def _is_own(folder: Path) -> bool | None:
    """Return whether this is a folder, and no link to one, that belongs to this user alone; None if it is missing."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        return False
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o077)


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + _LOCK)
