"""What git's index knows of a folder's files: their content, without reading them; and which files git ignores."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ecr_tasks.source.git.command import Git, NoRepositoryError, lines

_KINDS = {b"100644": "file", b"100755": "exec", b"120000": "link"}
_REPOSITORY = b"160000"
"""git's modes (gitformat-index(5)); the last is a submodule's commit."""

_CONVERTS = (b"text", b"eol", b"crlf", b"ident", b"filter", b"working-tree-encoding")
"""The attributes that let a file be another one in the work tree than in the repository (gitattributes(5))."""

_SHA256_DIGITS = 64


@dataclass(frozen=True)
class Index:
    """A folder's tracked files by path from there, each with its kind and blob id; no ``git``, no repository.

    ``unchanged`` are those whose bytes in the work tree are certainly the blob's, ``changed`` those that git sees
    changed. ``submodules`` have an index of their own. ``algorithm`` is the repository's, by hashlib's name.
    """

    tracked: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    submodules: tuple[str, ...] = ()
    algorithm: str = "sha1"
    git: Git | None = None


def read_index(folder: Path, environ: Mapping[str, str]) -> Index:
    """The index of the repository that a folder is in; an empty one where there is none. At most four processes.

    Not ``unchanged`` are what git doesn't compare (assume-unchanged, skip-worktree), what is changed or in conflict,
    and what a filter or an end-of-line rule may have changed on its way. SettingsError as for the source's state.
    """
    try:
        git = Git.find(folder, environ)
        listed = lines(git.run("ls-files", "--stage", "-v", "-z"), b"\0")
    except NoRepositoryError:
        return Index()
    tracked: dict[str, tuple[str, str]] = {}
    compared, submodules = set(), []
    algorithm = "sha1"
    for record in listed:
        head, _, name = record.partition(b"\t")
        flag, mode, blob, stage = head.split(b" ")
        path = os.fsdecode(name)
        algorithm = "sha256" if len(blob) == _SHA256_DIGITS else algorithm
        if mode == _REPOSITORY:
            submodules.append(path)
            continue
        tracked[path] = (_KINDS.get(mode, "file"), blob.decode())
        if flag == b"H" and stage == b"0":
            compared.add(path)
    changed = _changed(git) if tracked else frozenset()
    return Index(tracked, _unchanged(git, compared - changed), changed, tuple(submodules), algorithm, git)


def ignored(index: Index, paths: Sequence[str]) -> list[str]:
    """Those of a folder's files that git ignores; none where there is no repository, or it doesn't say."""
    own = [path for path in paths if not any(path.startswith(f"{inner}/") for inner in index.submodules)]
    if index.git is None or not own:
        return []
    # 1: none of them; 128: a path it doesn't want to judge, which costs nothing but the names
    said = index.git.run("check-ignore", "--stdin", "-z", answers=(0, 1, 128), given=_records(own))
    return [os.fsdecode(name) for name in lines(said, b"\0")]


def uncommitted(index: Index, paths: Collection[str]) -> dict[str, str]:
    """The blob ids that a commit would give to those of a folder's files that it would change or add.

    Line ends and filters are git's. Empty where git can't read one of them.
    """
    due = [path for path in paths if path in index.changed]
    new = [path for path in paths if path not in index.tracked]
    if index.git is not None and new:
        others = index.git.run("ls-files", "--others", "--exclude-standard", "-z")
        due += sorted({os.fsdecode(name) for name in lines(others, b"\0")}.intersection(new))
    due = [path for path in due if "\n" not in path]  # hash-object reads a path a line
    if index.git is None or not due:
        return {}
    # They are read from the repository's top, wherever git is started.
    prefix = index.git.run("rev-parse", "--show-prefix").rstrip(b"\n")
    given = b"".join(prefix + os.fsencode(path) + b"\n" for path in due)
    said = index.git.run("hash-object", "--stdin-paths", answers=(0, 128), given=given).decode().split()
    return dict(zip(due, said, strict=True)) if len(said) == len(due) else {}


def _changed(git: Git) -> frozenset[str]:
    """The tracked files whose work tree is not the index's."""
    said = git.run("diff-files", "--name-only", "--relative", "--ignore-submodules=all", "-z")
    return frozenset(os.fsdecode(name) for name in lines(said, b"\0"))


def _unchanged(git: Git, found: set[str]) -> frozenset[str]:
    """Those of the files that git sees unchanged whose bytes in the work tree are the blob's."""
    if not found:
        return frozenset()
    # Line ends may be converted on the way in alone (input): the work tree's are other ones all the same.
    converts = git.run("config", "--get", "core.autocrlf", answers=(0, 1)).strip().lower()
    if converts not in (b"", b"false", b"no", b"off", b"0"):
        return frozenset()
    said = lines(git.run("check-attr", "--stdin", "-z", "--all", given=_records(found)), b"\0")
    triples = zip(said[::3], said[1::3], said[2::3], strict=True)
    return frozenset(
        found.difference(
            os.fsdecode(path) for path, name, value in triples if name in _CONVERTS and value != b"unset"
        )
    )


def _records(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
