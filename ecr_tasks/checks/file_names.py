"""The check that BuildKit can be sent the names of what a build takes from a context: gRPC's texts are UTF-8."""

from __future__ import annotations

import os
from pathlib import Path

from ecr_tasks.errors import Refused


def check_name(folder: str, path: str, entry: os.DirEntry[str]) -> None:
    """Raise Refused for a file, folder or link in ``folder`` whose path, or what it leads to, is no UTF-8."""
    if not _is_utf8(path):
        what = f"a {'folder' if entry.is_dir(follow_symlinks=False) else 'file'} whose name is not UTF-8"
    elif entry.is_symlink() and not _is_utf8(str(Path(entry.path).readlink())):
        what = "a link to a name that is not UTF-8"
    else:
        return
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    raise Refused(
        f"The build context {folder} has {what}, which BuildKit can't be sent: {shown}.",
        "Rename it, or exclude it in .dockerignore, where ? stands for each such byte.",
    )


def _is_utf8(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
