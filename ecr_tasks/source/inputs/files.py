"""Reads a build context as git and .dockerignore see it: paths, git's kinds of files, the hash of each content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecr_tasks.model.image import Files
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.build_context.unknown import Untold
from ecr_tasks.source.build_context.walk import carried
from ecr_tasks.source.git.index import Index, ignored, read_index, uncommitted

NEVER = frozenset({".git", ".ecr-tasks"})
"""They change with every commit and every run, and are nobody's input."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Folder:
    """The files of a context; those that a commit of now would hold, as git has them; and those that it ignores."""

    files: Files
    tracked: Files
    unshared: tuple[str, ...]


def read_folder(folder: Path, dockerfile: Path | None, environ: Mapping[str, str]) -> Folder:
    """Reads the context that ``folder`` is for a Dockerfile (None: a named context). ``environ`` is for git.

    Contents have git's names for them (blob ids), so that a file is the same before and after it is committed;
    what git knows to be unchanged is not read. Times, owners and folders have no say. Raises Untold where a file
    can't be read; SettingsError for a malformed .dockerignore.
    """
    index = read_index(folder, environ)
    found: dict[str, tuple[str, str]] = {}
    try:
        for path, entry in carried(folder, DockerIgnore.read(folder, dockerfile), NEVER):
            said = _file(path, entry, index)
            if said is not None:
                found[path] = said
    except OSError as error:
        raise Untold(f"{error.filename} can't be read ({error.strerror})") from error
    unshared = ignored(index, [path for path in sorted(found) if path not in index.tracked])
    tracked = {path: index.tracked[path] for path in found if path in index.tracked}
    # An uncommitted tree is known by what it holds, so that its image is the commit's that is made of it.
    pending = uncommitted(index, found.keys() - set(unshared))
    tracked |= {
        path: found[path] if found[path][0] == "link" else (found[path][0], blob) for path, blob in pending.items()
    }
    return Folder(found, tracked, tuple(unshared))


def _file(path: str, entry: os.DirEntry[str], index: Index) -> tuple[str, str] | None:
    """Kind and content of one file; None for what docker doesn't send either (a socket)."""
    mode = entry.stat(follow_symlinks=False).st_mode
    is_link = stat.S_ISLNK(mode)
    if not is_link and not stat.S_ISREG(mode):
        return None
    kind = "link" if is_link else "exec" if mode & stat.S_IXUSR else "file"
    if path in index.unchanged and (index.tracked[path][0] == "link") == is_link:
        return kind, index.tracked[path][1]
    return kind, _link(entry, index.algorithm) if is_link else _blob(Path(entry.path), index.algorithm)


def _link(entry: os.DirEntry[str], algorithm: str) -> str:
    content = os.fsencode(Path(entry.path).readlink())
    return hashlib.new(algorithm, b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def _blob(path: Path, algorithm: str) -> str:
    """git's name of a file's content (git-hash-object(1))."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
