"""Git's index of a folder's files, which has their hashes without reading them; and the files that git ignores."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import cache, partial
from pathlib import Path

from ecr_tasks.files import resolved
from ecr_tasks.frozen import dataclass
from ecr_tasks.source.git.command import Git, NoRepositoryError

_KINDS = {"100644": "file", "100755": "exec", "120000": "link"}
_SUBMODULE = "160000"
"""Git's file modes (gitformat-index(5))."""

_CONVERTS = ("text", "eol", "crlf", "ident", "filter", "working-tree-encoding")
"""The attributes that can make a file's bytes in the work tree differ from the blob's (gitattributes(5))."""

_SHA256_DIGITS = 64

_LIST = ("ls-files", "--stage", "-v", "-z")
_DIFFERING = ("diff-files", "--name-only", "--relative", "--ignore-submodules=all", "-z")
_CONFIG = ("config", "-z", "--get-regexp", r"^core\.(autocrlf|filemode)$")
_FALSE = frozenset({"", "false", "no", "off", "0"})


@dataclass(frozen=True)
class Index:
    """A folder's tracked files by path relative to it, each with its kind and blob id.

    ``unchanged`` are the files whose bytes in the work tree are certainly the blob's; ``changed`` are those that git
    reports as changed. ``submodules`` have an index of their own. ``algorithm`` is hashlib's name of the repository's
    hash. ``git`` is None without a repository. With ``has_modes`` git also compares which files are executable.
    """

    tracked: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    submodules: tuple[str, ...] = ()
    algorithm: str = "sha1"
    git: Git | None = None
    has_modes: bool = True


def read_index(folder: Path, environ: Mapping[str, str]) -> Index:
    """Read a folder's part of its repository's index; the result is empty without a repository.

    Files that git doesn't compare (assume-unchanged, skip-worktree), that are changed or in conflict, or that a
    filter or an end-of-line rule may convert are not ``unchanged``. Starts git at most four times. Raises
    SettingsError in the same cases as ``git_state``.
    """
    try:
        git = Git.find(folder, environ)
        listed, differing, config = git.run_all(_LIST, _DIFFERING, _CONFIG, may_find_none=(_CONFIG,))
    except NoRepositoryError:
        return Index()
    tracked: dict[str, tuple[str, str]] = {}
    compared: list[str] = []
    submodules = []
    algorithm = "sha1"
    for record in _split(listed):
        entry, _, path = record.partition("\t")
        flag, mode, blob, stage = entry.split(" ")
        if mode == _SUBMODULE:
            submodules.append(path)
            continue
        tracked[path] = (_KINDS.get(mode, "file"), blob)
        if flag == "H" and stage == "0":
            compared.append(path)
    if listed:
        algorithm = "sha256" if len(blob) == _SHA256_DIGITS else "sha1"
    changed = frozenset(_split(differing))
    entries = (record.partition("\n") for record in _split(config))  # one without a value is on
    options = {name: value.strip().lower() if mark else "true" for name, mark, value in entries}
    # Line ends in the work tree may differ from the blob's; with core.autocrlf=input, too.
    converts = options.get("core.autocrlf", "") not in _FALSE
    unchanged = frozenset() if converts else _unconverted(git, [path for path in compared if path not in changed])
    has_modes = options.get("core.filemode", "true") not in _FALSE
    return Index(tracked, unchanged, changed, tuple(submodules), algorithm, git, has_modes)


Indexes = Callable[[Path], Index]
"""Returns the index of a folder."""


def indexes(root: Path | None, environ: Mapping[str, str]) -> Indexes:
    """Return what reads the indexes of many folders of a repository with the top ``root``: git is asked once for all.

    A folder of another repository, or in a submodule, is read by itself, as all are without ``root``.
    """
    if root is None:
        return partial(read_index, environ=environ)
    top = resolved(root)

    @cache
    def whole() -> tuple[Index, list[str]]:
        index = read_index(top, environ)
        return index, sorted(index.tracked)

    def of(folder: Path) -> Index:
        place = resolved(folder)
        own = place.is_relative_to(top) and place != top
        if not own or any((path / ".git").exists() for path in (place, *place.parents) if top in path.parents):
            return whole()[0] if place == top else read_index(folder, environ)
        index, paths = whole()
        return index if index.git is None else _below(index, paths, place, f"{place.relative_to(top).as_posix()}/")

    return of


def _below(index: Index, paths: Sequence[str], folder: Path, prefix: str) -> Index:
    """Return the part of an index below a folder; ``paths`` are its tracked files, sorted."""
    begin = bisect_left(paths, prefix)
    end = bisect_left(paths, prefix[:-1] + chr(ord("/") + 1))
    own = paths[begin:end]
    length = len(prefix)
    return replace(
        index,
        tracked={path[length:]: index.tracked[path] for path in own},
        unchanged=frozenset(path[length:] for path in own if path in index.unchanged),
        changed=frozenset(path[length:] for path in own if path in index.changed),
        submodules=tuple(path[length:] for path in index.submodules if path.startswith(prefix)),
        git=replace(index.git, folder=folder) if index.git else None,
    )


def ignored_files(index: Index, paths: Sequence[str]) -> list[str]:
    """Return those of a folder's files that git ignores; none if there is no repository or git refuses a path."""
    submodules = tuple(f"{path}/" for path in index.submodules)
    own = [path for path in paths if not path.startswith(submodules)]
    if index.git is None or not own:
        return []
    # 1: none is ignored; 128: git refuses one of the paths, which is no reason to fail
    return _split(index.git.run("check-ignore", "--stdin", "-z", exit_codes=(0, 1, 128), stdin=_records(own)))


def uncommitted_blobs(index: Index, paths: Collection[str], links: Mapping[str, str]) -> dict[str, str]:
    """Return the blob ids that a commit made now would give to the changed and new files among ``paths``.

    ``links`` has those of symbolic links: git hash-object would follow them, and wait for ever at a pipe.

    Git applies its line end rules and filters. The result is empty if git can't read one of the files.
    """
    pending = [path for path in paths if path in index.changed]
    new = [path for path in paths if path not in index.tracked]
    if index.git is not None and new:
        untracked = _split(index.git.run("ls-files", "--others", "--exclude-standard", "-z"))
        pending += sorted(set(untracked).intersection(new))
    known = {path: links[path] for path in pending if path in links}
    # hash-object reads one path per line
    pending = [path for path in pending if "\n" not in path and path not in links]
    if index.git is None or not pending:
        return known
    # hash-object takes paths relative to the repository's top, whatever the current folder is.
    prefix = index.git.run("rev-parse", "--show-prefix").rstrip(b"\n")
    stdin = b"".join(prefix + os.fsencode(path) + b"\n" for path in pending)
    blobs = index.git.run("hash-object", "--stdin-paths", exit_codes=(0, 128), stdin=stdin).decode().split()
    return known | (dict(zip(pending, blobs, strict=True)) if len(blobs) == len(pending) else {})


def _unconverted(git: Git, files: Sequence[str]) -> frozenset[str]:
    """Return those of git's unchanged files whose bytes in the work tree are exactly the blob's.

    Files of one folder must follow each other: at each change of it, git opens the .gitattributes of its parents.
    """
    if not files:
        return frozenset()
    fields = _split(git.run("check-attr", "--stdin", "-z", "--all", stdin=_records(files)))
    attributes = zip(fields[::3], fields[1::3], fields[2::3], strict=True)
    return frozenset(files).difference(
        path for path, name, value in attributes if name in _CONVERTS and value != "unset"
    )


def _records(paths: Iterable[str]) -> bytes:
    return os.fsencode("".join(f"{path}\0" for path in paths))


def _split(output: bytes) -> list[str]:
    return os.fsdecode(output).split("\0")[:-1]
