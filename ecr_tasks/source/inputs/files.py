"""The files of a build context: their paths, git's kinds of files, and the hash of each content."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecr_tasks.model.image import Files
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.build_context.unknown import Unknown
from ecr_tasks.source.build_context.walk import context_files
from ecr_tasks.source.git.blob import blob_id, kind_of
from ecr_tasks.source.git.index import Index, ignored_files, read_index, uncommitted_blobs

NEVER = frozenset({".git", ".ecr-tasks"})
"""Folders that change with every commit and every run, and are no input."""

SHOWN = 3
"""How many files a message names."""


@dataclass(frozen=True)
class Folder:
    """The files of a context.

    ``tracked`` are those that a commit made now would hold, as git stores them; ``unshared`` those that git ignores.
    """

    files: Files
    tracked: Files
    unshared: tuple[str, ...]


def read_folder(folder: Path, dockerfile: Path | None, environ: Mapping[str, str]) -> Folder:
    """Read the build context in ``folder`` of a Dockerfile (None: it is a named context). ``environ`` is for git.

    Contents are hashed as git does it (blob ids), so that a file has the same hash before and after it is committed,
    and files that git knows to be unchanged are not read. Times, owners and empty folders don't count. Raises Unknown
    where a file can't be read, SettingsError for a malformed .dockerignore.
    """
    index = read_index(folder, environ)
    files: dict[str, tuple[str, str]] = {}
    try:
        for path, entry in context_files(folder, DockerIgnore.read(folder, dockerfile), NEVER):
            if file := _file(path, entry, index):
                files[path] = file
    except OSError as error:
        raise Unknown(f"{error.filename} can't be read ({error.strerror})") from error
    unshared = ignored_files(index, [path for path in sorted(files) if path not in index.tracked])
    tracked = {path: index.tracked[path] for path in files if path in index.tracked}
    # An uncommitted tree is known by its content, so that its image is also that of the commit made from it.
    for path, blob in uncommitted_blobs(index, files.keys() - set(unshared)).items():
        kind = files[path][0]
        tracked[path] = files[path] if kind == "link" else (kind, blob)
    return Folder(files, tracked, tuple(unshared))


def name_some(paths: Sequence[str]) -> str:
    """Name the first few paths, and how many more there are."""
    return ", ".join(paths[:SHOWN]) + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")


def _file(path: str, entry: os.DirEntry[str], index: Index) -> tuple[str, str] | None:
    """Return the kind and hash of one file; None for what docker doesn't send either (a socket)."""
    kind = kind_of(entry.stat(follow_symlinks=False).st_mode)
    if kind is None:
        return None
    if path in index.unchanged and (index.tracked[path][0] == "link") == (kind == "link"):
        return kind, index.tracked[path][1]
    return kind, blob_id(Path(entry.path), kind, index.algorithm)
