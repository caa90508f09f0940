"""The fingerprint of a work tree: equal for equal sources, different as soon as one byte of a change is."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from ecr_tasks.source.git.status import Status

_CHUNK = 1 << 20


def fingerprint(root: Path, found: Status, nested: Callable[[Path], str | None]) -> str:
    """The revision of a clean work tree; of a dirty one, also a hash of what its changed paths hold now.

    What is built is the files, so the index has no say: a change has the same fingerprint before and after
    ``git add``. ``nested`` gives the fingerprint of a submodule or of a repository within this one.
    """
    revision = found.revision or "unborn"
    if not found.changes:
        return revision
    digest = hashlib.sha256()
    for path in sorted(found.changes):
        digest.update(b"%d:%b" % (len(path), path))
        digest.update(_content(root / os.fsdecode(path), nested))
    return f"{revision}+{digest.hexdigest()}"


def _content(path: Path, nested: Callable[[Path], str | None]) -> bytes:
    """Type, mode and content of one path, in 36 bytes."""
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
        # It can't be built from either, so it has no content that could differ.
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
