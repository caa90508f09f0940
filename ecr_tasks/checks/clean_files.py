"""Remember the files of a context in which no secret was found, so that an unchanged file isn't read again.

Docker doesn't open a file either whose name, size and times are those of the last build. What is kept are hashes of
these, in the user's cache folder; a file with a secret is never among them. A memo that is missing, damaged or
somebody else's only costs time, because no hash in it will be that of a file.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from ecr_tasks.files import open_file
from ecr_tasks.own_files import cache_folder, is_own, replace_file

_FOLDER = "ecr-tasks/clean-files"
_BYTES = 16
_MAX_FILES = 500_000
"""The highest number of files that one memo is kept of; the others are read each time."""

_MAX_TOTAL = 64 << 20
"""The highest size of all memos in bytes; those that were not used for the longest time are removed."""

_SETTLED_NS = 2_000_000_000
"""How old a file's times must be when the search begins: a younger one could change again without new times, as git's
"racy" entries. File systems count time in steps of up to two seconds."""


class CleanFiles:
    """The memo of one search: of a folder, for what a build takes from it."""

    def __init__(self, search: str, rules: bytes) -> None:
        """Read the memo of ``search``, a text that says which one it is; under other ``rules`` nothing is known."""
        name = blake2b(os.fsencode(search), digest_size=_BYTES).hexdigest()
        self._top = cache_folder(os.environ)
        self._path = self._top and self._top / _FOLDER / name
        self._rules = blake2b(rules, digest_size=_BYTES).digest()
        self._before = _read(self._path) if self._path else frozenset()
        self._now: set[bytes] = set()
        self._newest = time.time_ns() - _SETTLED_NS

    def knows(self, path: str, status: os.stat_result) -> bool:
        """Return whether nothing was found in a file before; ``path`` is its path in the context."""
        key = self._key(path, status)
        if key not in self._before:
            return False
        self._now.add(key)
        return True

    def add(self, path: str, status: os.stat_result) -> None:
        """Remember that nothing was found in a file, whose ``status`` was asked for before it was read."""
        if max(status.st_mtime_ns, status.st_ctime_ns) < self._newest:
            self._now.add(self._key(path, status))

    def save(self) -> None:
        """Replace the memo by what was found now. Where the user has no cache folder to write to, nothing happens."""
        if self._path is None or self._top is None or len(self._now) > _MAX_FILES:
            return
        with suppress(OSError):
            if self._now == self._before:
                os.utime(self._path, follow_symlinks=False)
            else:
                replace_file(self._path, b"".join(self._now), self._top, mode=0o600, tidy=False)
                _remove_oldest(self._path.parent)

    def _key(self, path: str, status: os.stat_result) -> bytes:
        times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
        text = f"{status.st_dev} {status.st_ino} {status.st_size} {times} {path}"
        return blake2b(os.fsencode(text), digest_size=_BYTES, key=self._rules).digest()


def _read(path: Path) -> frozenset[bytes]:
    """Return the hashes in a memo; none if it isn't a file that only this user can write."""
    try:
        with os.fdopen(open_file(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not is_own(status) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return frozenset()
            content = file.read(_MAX_FILES * _BYTES)
    except OSError:
        return frozenset()
    return frozenset(content[start : start + _BYTES] for start in range(0, len(content), _BYTES))


def _remove_oldest(folder: Path) -> None:
    """Remove the memos that were used last the longest ago; what else is in the folder stays."""
    with os.scandir(folder) as scan:
        files = [entry for entry in scan if entry.is_file(follow_symlinks=False)]
    memos = sorted(((entry.stat(), entry.path) for entry in files), key=lambda memo: memo[0].st_mtime)
    total = sum(status.st_size for status, _ in memos)
    for status, path in memos:
        if total <= _MAX_TOTAL:
            return
        Path(path).unlink()
        total -= status.st_size
