"""Reads a file of a folder as the engine will see it: links lead nowhere outside that folder."""

from __future__ import annotations

from collections import deque
from pathlib import Path

_MAX_LINKS = 40


def read_within(folder: Path, name: str) -> bytes | None:
    """The content of the file ``name`` in ``folder``; None when there is no regular file.

    Links are followed as if ``folder`` were the root of the file system, as in the snapshot that BuildKit
    reads an ignore file from: one that leads out of the context is as good as none.
    """
    path = _resolve(folder, name)
    return path.read_bytes() if path is not None and path.is_file() else None


def _resolve(folder: Path, name: str) -> Path | None:
    pending = deque(Path(name).parts)
    resolved: list[str] = []
    links = 0
    while pending:
        part = pending.popleft()
        if part == "..":
            resolved = resolved[:-1]
            continue
        here = folder.joinpath(*resolved, part)
        if not here.is_symlink():
            resolved.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            return None
        target = here.readlink()
        if target.is_absolute():
            resolved = []
            target = target.relative_to(target.anchor)
        pending.extendleft(reversed(target.parts))
    return folder.joinpath(*resolved)
