"""The files of a build context, each with its path, its kind as git names it, and the hash of its content."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import Files
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.build_context.unknown import Unknown
from ecr_tasks.source.build_context.walk import context_files
from ecr_tasks.source.git.blob import blob_id, kind_of
from ecr_tasks.source.git.index import Index, Indexes, ignored_files, uncommitted_blobs
from ecr_tasks.source.inputs.digest import files_digest

NEVER = frozenset({".git", ".ecr-tasks"})
"""Folders that are no input, because they change with every commit or every run."""


@dataclass(frozen=True)
class Folder:
    """The files of a context.

    ``tracked`` are those that a commit made now would have, as git stores them; ``unshared`` those that git ignores.
    """

    files: Files
    tracked: Files
    unshared: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """The digest of the files."""
        return files_digest(self.files)

    @cached_property
    def tracked_digest(self) -> str:
        """The digest of the tracked files; mostly they are all."""
        return self.digest if self.tracked == self.files else files_digest(self.tracked)


def read_folder(folder: Path, dockerfile: Path | None, read_index: Indexes) -> Folder:
    """Read the build context ``folder`` of a Dockerfile (None for a named context).

    Contents are hashed as git does it (blob ids), so that a file has the same hash before and after it is committed,
    and files that git knows to be unchanged are not read. Times, owners and empty folders are ignored. Raises Unknown
    if a file can't be read, SettingsError for a malformed .dockerignore.
    """
    index = read_index(folder)
    files: dict[str, tuple[str, str]] = {}
    try:
        for path, entry in context_files(folder, DockerIgnore.read(folder, dockerfile), NEVER):
            if file := _file(path, entry, index):
                files[path] = file
    except OSError as error:
        raise Unknown(f"{error.filename} can't be read ({error.strerror})") from error
    unshared = ignored_files(index, [path for path in sorted(files) if path not in index.tracked])
    tracked = {path: index.tracked[path] for path in files if path in index.tracked}
    # Uncommitted files are hashed as if they were committed, so that the later commit finds the same image.
    links = {path: blob for path, (kind, blob) in files.items() if kind == "link"}
    for path, blob in uncommitted_blobs(index, files.keys() - set(unshared), links).items():
        tracked[path] = (files[path][0], blob)
    return Folder(files, tracked, tuple(unshared))


def _file(path: str, entry: os.DirEntry[str], index: Index) -> tuple[str, str] | None:
    """Return the kind and hash of one file; None for a file that docker doesn't send either, such as a socket."""
    known = index.tracked[path] if path in index.unchanged else None
    if known and index.has_modes:
        same = entry.is_symlink() if known[0] == "link" else entry.is_file(follow_symlinks=False)
        if same:  # the folder says it, so that no file is asked for
            return known
    kind = kind_of(entry.stat(follow_symlinks=False).st_mode)
    if known and kind and (known[0] == "link") == (kind == "link"):
        return kind, known[1]
    return kind and (kind, blob_id(Path(entry.path), kind, index.algorithm))
