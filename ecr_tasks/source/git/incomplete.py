"""Find what a checkout lacks of its commit although git calls it clean.

That is: submodules that are not checked out, files that a sparse checkout leaves out, and files whose content a
filter (Git LFS, git-annex, git-crypt, transcrypt) has not put in place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from ecr_tasks.files import open_file, resolved
from ecr_tasks.frozen import dataclass
from ecr_tasks.source.git.command import Git, NoRepositoryError, lines
from ecr_tasks.source.git.unchecked import is_checked_out, unchecked

Lack = Literal[
    "submodule", "embedded", "sparse", "patterns", "skipped", "lfs", "annex", "git-crypt", "transcrypt", "hidden"
]

_FILTERS: Mapping[str, tuple[Lack, bytes]] = {
    "lfs": ("lfs", b"version https://git-lfs.github.com/spec/"),
    "annex": ("annex", b"/annex/objects/"),
    "git-crypt": ("git-crypt", b"\0GITCRYPT\0"),
    "crypt": ("transcrypt", b"U2FsdGVk"),
}
"""The values of the attribute ``filter``, with what a file begins with that the filter has not converted: a pointer
(git-lfs, docs/spec.md; git-annex, doc/internals/pointer_file.mdwn), or encrypted content (git-crypt, commands.cpp;
transcrypt: OpenSSL's ``Salted__`` in base64). A key or context of its own is part of the value: ``git-crypt-KEY``,
``crypt-CONTEXT``."""

_LEGACY_LFS = b"version https://hawser.github.com/spec/"
"""The beginning of old Git LFS pointers (git-lfs, lfs/pointer.go)."""


@dataclass(frozen=True)
class Missing:
    """One path that is not as the commit has it; ``root`` is the top of the repository (or submodule) of ``path``.

    An ``embedded`` repository was committed like a submodule, without its address (git-add(1),
    advice.addEmbeddedRepo). ``sparse`` is said of a sparse checkout in cone mode, ``patterns`` of any other.
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


class Checkouts:
    """The checkouts around folders, as they are at the first look at each; ``environ`` is for git."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._missing: dict[Path, tuple[Missing, ...]] = {}

    def missing(self, folder: Path) -> tuple[Missing, ...]:
        """Return what the checkout around ``folder`` lacks in this folder, or of it; empty without a repository.

        A folder that doesn't exist may itself be lacking. Starts git three times for each checkout, and three times
        for each submodule. Raises SettingsError in the same cases as ``git_state``.
        """
        existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
        inside = resolved(existing)
        # git looks for the repository in the same places, from the folder upwards.
        top = next((parent for parent in (inside, *inside.parents) if (parent / ".git").exists()), inside)
        if top not in self._missing:
            self._missing[top] = tuple(_missing_around(existing, self._environ))
        return tuple(item for item in self._missing[top] if _concerns(item.file, folder))


def _missing_around(folder: Path, environ: Mapping[str, str]) -> Iterator[Missing]:
    """Yield what the checkout around a folder lacks anywhere."""
    try:
        git = Git.find(folder, environ)
        root = git.run("rev-parse", "--show-toplevel").removesuffix(b"\n")
    except NoRepositoryError:
        return
    yield from _missing(git, Path(os.fsdecode(root)), nested=False)


def _concerns(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or folder.is_relative_to(path)


def _missing(git: Git, root: Path, *, nested: bool) -> Iterator[Missing]:
    entries = unchecked(git, root)
    if entries.absent:
        lack: Lack = "skipped"
        if _is_set(git, "core.sparseCheckout"):
            lack = "sparse" if _is_set(git, "core.sparseCheckoutCone") else "patterns"
        yield from (Missing(lack, root, os.fsdecode(path)) for path in entries.absent)
    if nested:
        yield from (Missing("hidden", root, os.fsdecode(path)) for path in entries.changed)
    yield from _unconverted(Git(git.program, root, git.environ), root)
    for submodule in filter(None, map(os.fsdecode, entries.submodules)):  # a damaged index has one without a name
        if is_checked_out(root / submodule):
            yield from _missing(git, root / submodule, nested=True)
        elif (root / submodule).is_dir():  # git reports a folder that is gone as deleted
            yield Missing("submodule" if _has_address(git, root, submodule) else "embedded", root, submodule)


def _is_set(git: Git, name: str) -> bool:
    return git.run("config", "--bool", "--get", name, exit_codes=(0, 1)).strip() == b"true"


def _has_address(git: Git, root: Path, submodule: str) -> bool:
    """Return whether a submodule is in .gitmodules."""
    names = ("config", "--file", str(root / ".gitmodules"), "-z", "--get-regexp", r"^submodule\..*\.path$")
    paths = (record.partition(b"\n")[2] for record in lines(git.run(*names, exit_codes=(0, 1)), b"\0"))
    return os.fsencode(submodule) in paths


def freely_filtered(root: Path, environ: Mapping[str, str]) -> list[str]:
    """Return a repository's files, relative to its top, that a filter writes of which it isn't known what it makes.

    Their bytes may differ where those of the commit don't: by the filter's program, whether this clone has it, or the
    time when it ran (gitattributes(5)). Those of ``_FILTERS`` only decode what is committed.
    """
    return [path for path, lack, _ in _filtered(Git.find(root, environ)) if lack is None]


def _filtered(git: Git) -> Iterator[tuple[str, Lack | None, bytes]]:
    """Yield the files that have the attribute ``filter``, each with its row of ``_FILTERS``."""
    filtered = git.run("ls-files", "-z", "--", ":/", ":(exclude,attr:!filter)", ":(exclude,attr:-filter)")
    if not filtered:
        return
    fields = lines(git.run("check-attr", "--stdin", "-z", "filter", stdin=filtered), b"\0")
    for path, value in zip(map(os.fsdecode, fields[::3]), map(os.fsdecode, fields[2::3]), strict=True):
        known = (_FILTERS[name] for name in _FILTERS if f"{value}-".startswith(f"{name}-"))
        yield path, *next(known, (None, b""))


def _unconverted(git: Git, root: Path) -> Iterator[Missing]:
    """Yield the files that still are what the repository stores, because a filter did not run."""
    for path, lack, signature in _filtered(git):
        if lack is None:
            continue
        try:
            with os.fdopen(open_file(root / path), "rb") as file:
                start = file.read(64)
        except OSError:  # a changed or absent file is another matter
            continue
        if start.startswith(signature) or (lack == "lfs" and start.startswith(_LEGACY_LFS)):
            yield Missing(lack, root, path)
