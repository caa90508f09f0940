"""Symbolic links in a build context, which for the builder never lead out of it."""

from __future__ import annotations

from collections import deque
from pathlib import Path

_MAX_LINKS = 40


def read_within(folder: Path, name: str) -> bytes | None:
    """Return the content of the file ``name`` in ``folder``; None when there is no regular file.

    Links are followed as if ``folder`` were the root of the file system, as in the snapshot that BuildKit reads an
    ignore file from. A link that leads out of the folder leads to no file.
    """
    path = _resolve(folder, name)
    return path.read_bytes() if path is not None and path.is_file() else None


def _resolve(folder: Path, name: str) -> Path | None:
    """Return the path that ``name`` leads to; None for a loop of links."""
    pending = deque(Path(name).parts)
    resolved: list[str] = []
    links = 0
    while pending:
        part = pending.popleft()
        if part == "..":
            resolved = resolved[:-1]
            continue
        path = folder.joinpath(*resolved, part)
        if not path.is_symlink():
            resolved.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            return None
        target = path.readlink()
        if target.is_absolute():
            resolved = []
            target = target.relative_to(target.anchor)
        pending.extendleft(reversed(target.parts))
    return folder.joinpath(*resolved)
