"""The kind and the id that git gives to a file, computed from the file itself."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Literal

from ecr_tasks.files import open_file

Kind = Literal["link", "exec", "file"]

_CHUNK = 1 << 20


def kind_of(mode: int) -> Kind | None:
    """Return the kind that git gives to a file of this mode (stat(2)); None for a folder, a socket and the like."""
    if stat.S_ISLNK(mode):
        return "link"
    if not stat.S_ISREG(mode):
        return None
    return "exec" if mode & stat.S_IXUSR else "file"


def blob_id(path: Path, kind: Kind, algorithm: str) -> str:
    """Return the id of a file's content or a link's target (git-hash-object(1)); ``algorithm`` is hashlib's name."""
    if kind == "link":
        content = os.fsencode(path.readlink())
        return hashlib.new(algorithm, b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
    with os.fdopen(open_file(path), "rb") as file:
        digest = hashlib.new(algorithm, b"blob %d\0" % os.fstat(file.fileno()).st_size, usedforsecurity=False)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
