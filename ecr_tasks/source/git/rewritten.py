"""The files that git calls unchanged although a clone has other bytes, by line ends or a filter.

git compares what it would store. A file with CRLF under ``text=auto`` is stored as its clones have it, and a build
reads it as it is here.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from ecr_tasks.files import read_bytes
from ecr_tasks.source.git.command import Git, lines

_ATTRIBUTES = b".gitattributes"

_SAME_SIZE = {b"eol=crlf": ":(top,attr:eol=crlf)", b"ident": ":(top,attr:ident)"}
"""What an attributes file has, by which a file that has the size of what is stored may have to be another one."""

_FILTER = r"^filter\..*\.(clean|smudge|process)$"

_MAKES_NOTHING = (b"", b"cat")
"""The programs of a filter that leave what is stored as it is."""


def rewritten(git: Git, root: Path, index: bytes, changed: Iterable[bytes]) -> list[bytes]:
    """Return the paths of tracked files that a checkout would write otherwise, and that are not ``changed`` to git.

    ``index`` is git's output for ``INDEX`` (:mod:`unchecked`). Starts git only where the repository has a
    .gitattributes, and writes what is to be compared to a temporary folder. A file of a filter that makes what a
    checkout has (Git LFS), or that is not configured here, is left out: only its program knows the bytes.
    """
    entries = dict(_entries(index))
    attributes = [path for path in entries if path.rpartition(b"/")[2] == _ATTRIBUTES]
    if not attributes:
        return []
    git = Git(git.program, root, git.environ)
    for path in changed:
        entries.pop(path, None)
    suspect = {path for path, size in _stored_sizes(git, entries).items() if _size(root, path) not in (None, size)}
    texts = b"\n".join(_content(root, path) for path in attributes)
    cleaning = _cleaning(git) if b"filter" in texts else set()
    specs = [spec for word, spec in _SAME_SIZE.items() if word in texts]
    if specs := [*specs, *(f":(top,attr:filter={os.fsdecode(name)})" for name in cleaning)]:
        suspect |= entries.keys() & lines(git.run("ls-files", "-z", "--", *specs), b"\0")
    if not suspect:
        return []
    suspect -= {path for path, name in _filters(git, sorted(suspect)) if name not in cleaning}
    return _differing(git, root, sorted(suspect), cleaning) if suspect else []


def _entries(index: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Yield path and blob id of each file that git compares; links are compared as they are."""
    for record in lines(index, b"\0"):
        entry, _, path = record.partition(b"\t")
        flag, mode, blob, stage = entry.split(b" ")
        if flag == b"H" and stage == b"0" and mode.startswith(b"100"):
            yield path, blob


def _stored_sizes(git: Git, entries: dict[bytes, bytes]) -> dict[bytes, int]:
    """Return the bytes of each stored file; those that the clone lacks are left out."""
    blobs = b"".join(blob + b"\n" for blob in entries.values())
    found = git.run("cat-file", "--batch-check=%(objectsize)", stdin=blobs)
    sizes = zip(entries, found.splitlines(), strict=True)
    return {path: int(size) for path, size in sizes if size.isdigit()}


def _size(root: Path, path: bytes) -> int | None:
    """Return the bytes of a file in the work tree; None where there is none."""
    try:
        status = os.lstat(os.path.join(os.fsencode(root), path))  # noqa: PTH118 - for each of many files
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _content(root: Path, path: bytes) -> bytes:
    try:
        return read_bytes(root / os.fsdecode(path))
    except OSError:
        return b""


def _cleaning(git: Git) -> set[bytes]:
    """Return the names of the filters that are configured here, and make nothing at a checkout."""
    found = lines(git.run("config", "-z", "--get-regexp", _FILTER, exit_codes=(0, 1)), b"\0")
    programs = dict(record.split(b"\n", 1) for record in found if b"\n" in record)  # of several, the last one counts
    kinds: dict[bytes, set[bytes]] = {}
    for key, program in programs.items():
        name, _, kind = key.removeprefix(b"filter.").rpartition(b".")
        kinds.setdefault(name, set()).update([kind] if kind == b"clean" or program not in _MAKES_NOTHING else [])
    # Options and path specifications of git's can name no others.
    return {name for name, used in kinds.items() if used == {b"clean"} and re.fullmatch(rb"[\w.-]+", name)}


def _filters(git: Git, paths: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
    """Yield the paths that have a filter, each with its name."""
    fields = lines(git.run("check-attr", "--stdin", "-z", "filter", stdin=_records(paths)), b"\0")
    for path, name in zip(fields[::3], fields[2::3], strict=True):
        if name not in (b"unspecified", b"unset", b"set"):
            yield path, name


def _differing(git: Git, root: Path, paths: Sequence[bytes], cleaning: Iterable[bytes]) -> list[bytes]:
    """Return those of the paths that a checkout writes with other bytes than they have."""
    import tempfile  # which few runs need

    optional = [word for name in cleaning for word in ("-c", f"filter.{os.fsdecode(name)}.required=false")]
    with tempfile.TemporaryDirectory(prefix="ecr-tasks-") as folder:
        write = (*optional, "checkout-index", "--stdin", "-z", "--quiet", f"--prefix={folder}/")
        if not git.test(*write, exit_codes=(0, 1, 128), stdin=_records(paths)):
            return []  # where there is no room, say, parts of files would be compared
        return [path for path in paths if _differs(Path(folder, os.fsdecode(path)), root / os.fsdecode(path))]


def _differs(written: Path, there: Path) -> bool:
    import filecmp

    try:
        return not filecmp.cmp(written, there, shallow=False)
    except OSError:  # one of them went away
        return False


def _records(paths: Iterable[bytes]) -> bytes:
    return b"".join(path + b"\0" for path in paths)
