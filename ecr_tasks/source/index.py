"""What git's index knows of a folder's files: their content, without reading them; and which files git ignores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ecr_tasks.source.git import Git, NoRepositoryError, lines

LINK = b"120000"
REPOSITORY = b"160000"
"""The modes of a symbolic link, and of a submodule's commit (gitformat-index(5))."""

_CONVERTS = (b"text", b"eol", b"crlf", b"ident", b"filter", b"working-tree-encoding")
"""The attributes that let a file be another one in the work tree than in the repository (gitattributes(5))."""

_SHA256_DIGITS = 64


@dataclass(frozen=True)
class Index:
    """A folder's files that are in the work tree as they are in git, by path from there: whether a link, and blob id.

    ``inner`` are the paths of submodules, which have an index of their own. ``algorithm`` is the repository's, by
    hashlib's name.
    """

    blobs: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    tracked: frozenset[str] = frozenset()
    inner: tuple[str, ...] = ()
    algorithm: str = "sha1"
    git: Git | None = None


def read_index(folder: Path, environ: Mapping[str, str]) -> Index:
    """The index of the repository that a folder is in; an empty one where there is none. At most four processes.

    Left out is all that git doesn't compare (assume-unchanged, skip-worktree), what is changed or in conflict, and
    what a filter or an end-of-line rule may have changed on its way. SettingsError as for the source's state.
    """
    try:
        git = Git.find(folder, environ)
        listed = lines(git.run("ls-files", "--stage", "-v", "-z"), b"\0")
    except NoRepositoryError:
        return Index()
    blobs: dict[str, tuple[bool, str]] = {}
    tracked, inner = [], []
    algorithm = "sha1"
    for record in listed:
        head, _, name = record.partition(b"\t")
        flag, mode, blob, stage = head.split(b" ")
        path = os.fsdecode(name)
        tracked.append(path)
        algorithm = "sha256" if len(blob) == _SHA256_DIGITS else algorithm
        if mode == REPOSITORY:
            inner.append(path)
        elif flag == b"H" and stage == b"0":
            blobs[path] = (mode == LINK, blob.decode())
    if blobs and git.run("config", "--get", "core.autocrlf", answers=(0, 1)).strip() in (b"true", b"input"):
        blobs = {}
    if blobs:
        changed = git.run("diff-files", "--name-only", "--relative", "--ignore-submodules=all", "-z")
        for name in lines(changed, b"\0"):
            blobs.pop(os.fsdecode(name), None)
        for path in _converted(git, blobs):
            blobs.pop(path, None)
    return Index(blobs, frozenset(tracked), tuple(inner), algorithm, git)


def ignored(index: Index, paths: Sequence[str]) -> list[str]:
    """Those of a folder's files that git ignores; none where there is no repository, or it doesn't say."""
    own = [path for path in paths if not any(path.startswith(f"{inner}/") for inner in index.inner)]
    if index.git is None or not own:
        return []
    given = b"".join(os.fsencode(path) + b"\0" for path in own)
    # 1: none of them; 128: a path it doesn't want to judge, which costs nothing but the names
    said = index.git.run("check-ignore", "--stdin", "-z", answers=(0, 1, 128), given=given)
    return [os.fsdecode(name) for name in lines(said, b"\0")]


def _converted(git: Git, paths: Mapping[str, object]) -> list[str]:
    """The paths with an attribute by which their bytes may differ from git's."""
    given = b"".join(os.fsencode(path) + b"\0" for path in paths)
    said = lines(git.run("check-attr", "--stdin", "-z", "--all", given=given), b"\0")
    triples = zip(said[::3], said[1::3], said[2::3], strict=True)
    return [os.fsdecode(path) for path, name, value in triples if name in _CONVERTS and value != b"unset"]
