"""The fingerprint of a work tree: equal for equal sources, different if one byte of an uncommitted change differs."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from ecr_tasks.source.git.blob import blob_id, kind_of
from ecr_tasks.source.git.status import Status


def fingerprint(root: Path, status: Status, nested: Callable[[Path], str | None]) -> str:
    """Return the revision; for a dirty work tree, also a hash of the content of its changed paths.

    A change has the same fingerprint before and after ``git add``, because the files are built and not the index.
    ``nested`` returns the fingerprint of a submodule or of a repository within this one.
    """
    revision = status.revision or "unborn"
    if not status.changes:
        return revision
    digest = hashlib.sha256()
    for path in sorted(status.changes):
        digest.update(b"%b\0%b\0" % (path, _content(root / os.fsdecode(path), nested).encode()))
    return f"{revision}+{digest.hexdigest()}"


def _content(path: Path, nested: Callable[[Path], str | None]) -> str:
    """Return the kind of a path and the id of its content, as one text."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            return f"tree {nested(path)}"
        kind = kind_of(mode)
        return f"{kind} {blob_id(path, kind, 'sha256')}" if kind else "other"
    except FileNotFoundError:
        return "missing"
    except PermissionError:  # the build can't read it either, so its content doesn't count
        return "unreadable"
