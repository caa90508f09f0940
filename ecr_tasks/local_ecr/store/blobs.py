"""Blobs as files, named by digest, and the uploads that become blobs."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Protocol

    class Source(Protocol):
        """Where an upload's bytes come from."""

        def readinto(self, buffer: memoryview) -> int: ...


_BUFFER_BYTES = 1 << 20
"""Large, so that hashing and file writes are few calls, each of which releases the interpreter lock."""

_NO_LINK_ERRORS = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})
"""The operating system's error numbers where a hard link to a file is impossible."""

_SMALL_BUFFER_BYTES = 1 << 16
_MAX_BUFFERS = 8
_MAX_SPARE_BUFFERS = 2
_spare_buffers: list[bytearray] = []
_buffers_left = threading.BoundedSemaphore(_MAX_BUFFERS)


@contextlib.contextmanager
def _buffer() -> Any:
    """Lend a buffer for one transfer: a small one where many transfers have large ones, so that memory is bounded.

    Large ones are reused, as new memory costs a page fault every 4 KiB.
    """
    if not _buffers_left.acquire(blocking=False):
        yield memoryview(bytearray(_SMALL_BUFFER_BYTES))
        return
    try:
        memory = _spare_buffers.pop()
    except IndexError:
        memory = bytearray(_BUFFER_BYTES)
    try:
        yield memoryview(memory)
    finally:
        if len(_spare_buffers) < _MAX_SPARE_BUFFERS:
            _spare_buffers.append(memory)
        _buffers_left.release()


class Blobs:
    """The folders ``blobs`` and ``uploads`` under ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root / "blobs"
        self.uploads = root / "uploads"
        for folder in (self.root, self.uploads):
            folder.mkdir(mode=0o700, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return the path at which a blob of this digest is, or would be."""
        algorithm, _, value = digest.partition(":")
        return self.root / algorithm / value[:2] / value

    def open(self, digest: str) -> int:
        """Return a file descriptor for reading a blob; the caller closes it. Raises FileNotFoundError."""
        return os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)

    def upload(self, identity: str) -> Upload:
        """Return the upload of this id: a new one, or one that was interrupted."""
        return Upload(identity, self.uploads / identity)

    def add(self, upload: Path, digest: str) -> None:
        """Make an upload's file the blob of this digest."""
        target = self.path(digest)
        if target.exists():
            upload.unlink()
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        upload.rename(target)

    def link(self, path: Path, digest: str) -> int:
        """Add a blob whose file another store has at ``path``, by a hard link if possible; returns its size."""
        target = self.path(digest)
        if not target.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError as error:
                if error.errno not in _NO_LINK_ERRORS:
                    raise
                import shutil  # slow to load, and rarely needed

                temporary = self.uploads / f"{digest.partition(':')[2]}.{os.getpid()}"
                try:
                    shutil.copy(path, temporary)  # with its mode: for the owner alone
                    temporary.rename(target)
                finally:
                    temporary.unlink(missing_ok=True)
        return target.stat().st_size

    def remove(self, digest: str) -> None:
        """Remove a blob's file; readers that have it open keep it."""
        self.path(digest).unlink(missing_ok=True)


class Upload:
    """An unfinished blob: a file that only grows, and the sha256 of its bytes.

    One thread at a time works on it: hold ``lock``, between ``open`` and ``close``. The file is closed between two
    requests, as a client can begin any number of uploads. After a restart the hash is computed from the file.
    """

    def __init__(self, identity: str, path: Path) -> None:
        self.id = identity
        self.path = path
        self.lock = threading.Lock()
        self.size = 0
        self.is_ended = False
        """Whether it is finished or cancelled."""
        self._fd = -1
        self._sha256 = hashlib.sha256()

    def open(self) -> None:
        """Open the file, at its end. Raises OSError."""
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        size = os.fstat(self._fd).st_size
        if size != self.size:
            self.size, self._sha256 = size, self._hash("sha256")
        os.lseek(self._fd, size, os.SEEK_SET)

    def append(self, source: Source) -> int:
        """Append all bytes of ``source``; returns their number.

        The buffers that were written before an error stay, so that a client can continue after them. When
        the disk is full a partly written buffer is cut off again. Raises OSError.
        """
        before = self.size
        with _buffer() as view:
            while count := source.readinto(view):
                self.write(view[:count])
        return self.size - before

    def write(self, data: memoryview | bytes) -> None:
        """Append ``data`` or, on an error, nothing of it. Raises OSError."""
        view = memoryview(data)
        try:
            while view:  # the operating system may take less at a time
                view = view[os.write(self._fd, view) :]
        except OSError:
            os.ftruncate(self._fd, self.size)
            os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self._sha256.update(data)
        self.size += len(data)

    def matches(self, digest: str) -> bool:
        """Return whether the bytes so far have this digest."""
        algorithm, _, value = digest.partition(":")
        content_hash = self._sha256 if algorithm == "sha256" else self._hash(algorithm)
        return bool(content_hash.hexdigest() == value)

    def sha256(self) -> str:
        """Return the sha256 digest of the bytes so far."""
        return f"sha256:{self._sha256.hexdigest()}"

    def _hash(self, algorithm: str) -> Any:
        content_hash = hashlib.new(algorithm)
        offset = 0
        while data := os.pread(self._fd, _BUFFER_BYTES, offset):
            content_hash.update(data)
            offset += len(data)
        return content_hash

    def close(self) -> None:
        """Close the file; it stays where it is."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def discard(self) -> None:
        """Close and remove the file."""
        self.is_ended = True
        self.close()
        self.path.unlink(missing_ok=True)
