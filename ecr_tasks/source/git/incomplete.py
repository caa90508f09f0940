"""Find what a checkout lacks of its commit although git calls it clean.

That is: submodules that are not checked out, files that a sparse checkout leaves out, and files whose content a
filter (Git LFS, git-annex, git-crypt, transcrypt) has not put in place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ecr_tasks.source.git.command import Git, NoRepositoryError, lines
from ecr_tasks.source.git.unchecked import is_checked_out, unchecked

Lack = Literal["submodule", "sparse", "skipped", "lfs", "annex", "git-crypt", "transcrypt", "hidden"]

_FILTERS: Mapping[str, tuple[Lack, bytes]] = {
    "lfs": ("lfs", b"version https://git-lfs.github.com/spec/"),
    "annex": ("annex", b"/annex/objects/"),
    "git-crypt": ("git-crypt", b"\0GITCRYPT\0"),
    "crypt": ("transcrypt", b"U2FsdGVk"),
}
"""The values of the attribute ``filter``, with what a file begins with that the filter has not converted: a pointer
(git-lfs, docs/spec.md; git-annex, doc/internals/pointer_file.mdwn), or encrypted content (git-crypt, commands.cpp;
transcrypt: OpenSSL's ``Salted__`` in base64)."""

_LEGACY_LFS = b"version https://hawser.github.com/spec/"
"""The beginning of old Git LFS pointers (git-lfs, lfs/pointer.go)."""


@dataclass(frozen=True)
class Missing:
    """One path that is not as the commit has it; ``root`` is the top of the repository (or submodule) of ``path``.

    `git update-index` has made git blind for a ``skipped`` file, which is gone, and for a ``hidden`` one, which is a
    changed file in a submodule.
    """

    lack: Lack
    root: Path
    path: str

    @property
    def file(self) -> Path:
        """The whole path."""
        return self.root / self.path


def missing(folder: Path, environ: Mapping[str, str]) -> tuple[Missing, ...]:
    """Return what the checkout around ``folder`` lacks in this folder, or of this folder; empty without a repository.

    A folder that doesn't exist may itself be lacking. Starts git three times, and three times for each submodule.
    Raises SettingsError in the same cases as ``git_state``.
    """
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    try:
        git = Git.find(existing, environ)
        root = git.run("rev-parse", "--show-toplevel").removesuffix(b"\n")
    except NoRepositoryError:
        return ()
    return tuple(
        item for item in _missing(git, Path(os.fsdecode(root)), nested=False) if _concerns(item.file, folder)
    )


def _concerns(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or folder.is_relative_to(path)


def _missing(git: Git, root: Path, *, nested: bool) -> Iterator[Missing]:
    entries = unchecked(git, root)
    if entries.absent:
        sparse = git.run("config", "--bool", "--get", "core.sparseCheckout", exit_codes=(0, 1)).strip() == b"true"
        yield from (Missing("sparse" if sparse else "skipped", root, os.fsdecode(path)) for path in entries.absent)
    if nested:
        yield from (Missing("hidden", root, os.fsdecode(path)) for path in entries.changed)
    yield from _unconverted(Git(git.program, root, git.environ), root)
    for submodule in map(os.fsdecode, entries.submodules):
        if is_checked_out(root / submodule):
            yield from _missing(git, root / submodule, nested=True)
        elif (root / submodule).is_dir():  # git reports a folder that is gone as deleted
            yield Missing("submodule", root, submodule)


def _unconverted(git: Git, root: Path) -> Iterator[Missing]:
    """Yield the files that still are what the repository stores, because a filter did not run."""
    filtered = git.run("ls-files", "-z", "--", *(f":(attr:filter={name})" for name in _FILTERS))
    for path in map(os.fsdecode, lines(filtered, b"\0")):
        try:
            with (root / path).open("rb") as file:
                start = file.read(64)
        except OSError:  # a changed or absent file is another matter
            continue
        for lack, signature in _FILTERS.values():
            if start.startswith(signature) or (lack == "lfs" and start.startswith(_LEGACY_LFS)):
                yield Missing(lack, root, path)
