"""The fingerprint of a work tree: equal for equal sources, different when one byte of a change differs."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from ecr_tasks.source.git.status import Status

_CHUNK = 1 << 20


def fingerprint(root: Path, status: Status, nested: Callable[[Path], str | None]) -> str:
    """Return the revision; for a dirty work tree, also a hash of the content of its changed paths.

    The index doesn't count, because the files are built: a change has the same fingerprint before and after
    ``git add``. ``nested`` returns the fingerprint of a submodule or of a repository within this one.
    """
    revision = status.revision or "unborn"
    if not status.changes:
        return revision
    digest = hashlib.sha256()
    for path in sorted(status.changes):
        digest.update(b"%d:%b" % (len(path), path))
        digest.update(_content(root / os.fsdecode(path), nested))
    return f"{revision}+{digest.hexdigest()}"


def _content(path: Path, nested: Callable[[Path], str | None]) -> bytes:
    """Return type, mode and content hash of one path, in 36 bytes."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return b"link" + _hash(os.fsencode(path.readlink()))
        if stat.S_ISDIR(mode):
            return b"tree" + _hash((nested(path) or "").encode())
        if stat.S_ISREG(mode):
            return (b"exec" if mode & stat.S_IXUSR else b"file") + _hash_file(path)
    except FileNotFoundError:
        return b"gone" + _hash(b"")
    except PermissionError:
        # The build can't read it either, so its content doesn't count.
        return b"lock" + _hash(b"")
    return b"else" + _hash(b"")


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _hash_file(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()
