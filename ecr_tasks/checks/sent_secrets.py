"""Look for secrets in the files that docker sends to the builder.

Each file is opened once and read to one mebibyte at most, a binary one to its first kilobytes, and not again before
it changes. What nobody would call a leak is not looked for: the keys of tests and samples, and those in others'
packages.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from ecr_tasks.checks import key_shapes, key_stores, password_files, secret_shapes
from ecr_tasks.checks.clean_files import CleanFiles
from ecr_tasks.checks.password_files import is_password_file
from ecr_tasks.checks.secret_shapes import MAX_BYTES, find_secrets, is_in_package, is_sample, wide_encoding
from ecr_tasks.source.build_context.sources import Sources
from ecr_tasks.source.build_context.walk import ContextFolder, context_files

Names = tuple[tuple[str, int], ...]
"""What was found in a file, each with its line."""

_SKIPPED = frozenset({".hg", ".svn", ".ecr-tasks", "__pycache__"})
"""Folders without files that anybody writes."""

_ONLY = {".git": frozenset({"config"})}
"""Of git's own folders, only the configuration is looked at: addresses with passwords."""

_BINARY = (
    *(".pyc", ".so", ".o", ".a", ".dll", ".exe", ".class", ".jar", ".war", ".whl", ".wasm", ".node", ".bin"),
    *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".pdf", ".mp3", ".mp4", ".mov", ".woff", ".woff2", ".ttf"),
    *(
        ".gz",
        ".tgz",
        ".xz",
        ".bz2",
        ".zst",
        ".zip",
        ".7z",
        ".tar",
        ".parquet",
        ".npy",
        ".pt",
        ".onnx",
        ".safetensors",
    ),
)
_HEAD = 64 * 1024


def is_dotenv(name: str) -> bool:
    """Return whether a file's name is a dotenv file's: ``.env``, ``.env.prod``, ``.envrc``, ``prod.env``."""
    return name.startswith(".env") or name.endswith(".env")


def sent_secrets(
    folder: ContextFolder,
    sources: Sources,
    dotenv_keys: Callable[[Path], Names],
    see: Callable[[str, str, os.DirEntry[str]], object],
) -> Iterator[tuple[Path, Names]]:
    """Yield each file with secrets that a build takes from a context, and what was found in it.

    The context, path and entry of each file, link and folder is given to ``see`` on the way. Nothing is found in a
    context that isn't there: another check names it. Raises SettingsError for a malformed .dockerignore.
    """
    if not folder.path.is_dir():
        return
    sources, ignore = sources.within(os.fspath(folder.path)), folder.ignore()
    clean = CleanFiles(f"{folder.path.resolve()} {sources}", _rules())
    try:
        for path, entry in context_files(folder.path, ignore, _SKIPPED, sources=sources, only=_ONLY, folders=True):
            see(os.fspath(folder.path), path, entry)
            if entry.is_dir(follow_symlinks=False):
                continue
            name = entry.name
            is_own = not name.endswith(_BINARY) and not is_sample(path) and not is_in_package(path)
            if not (is_own or is_dotenv(name) or is_password_file(path)):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # it went away meanwhile
                continue
            if not stat.S_ISREG(status.st_mode) or clean.knows(path, status):
                continue
            names = secrets_of(entry.path, path, dotenv_keys, own=is_own)
            if names:
                yield Path(folder.path, path), names
            elif names is not None and not is_dotenv(name):  # which other code reads, with rules of its own
                clean.add(path, status)
    except (FileNotFoundError, PermissionError):
        return  # the context went away, which docker will say; another check names unreadable folders
    clean.save()


@cache
def _rules() -> bytes:
    """Return the code that decides what is a secret: after a change of it, every file is read again."""
    files = (__file__, *(module.__file__ for module in (key_shapes, key_stores, password_files, secret_shapes)))
    return b"".join(Path(str(file)).read_bytes() for file in files)


def secrets_of(
    file: str | Path, path: str, dotenv_keys: Callable[[Path], Names], *, own: bool | None = None
) -> Names | None:
    """Return the secrets of a file, whose path in its context is ``path``; ``own`` as in ``find_secrets``.

    Returns None if the file can't be read.
    """
    content = _read(file)
    if content is None:
        return None
    found: dict[int, str] = {}
    if is_dotenv(path.rpartition("/")[2]) and len(content) < MAX_BYTES:
        found = {line: name for name, line in dotenv_keys(Path(file))}
    for what, line in find_secrets(path, content, own=own):
        found.setdefault(line, what)
    return tuple((what, line) for line, what in sorted(found.items()))


def _read(file: str | Path) -> bytes | None:
    """Return a file's first mebibyte, or only its first part if that is binary; None if it can't be read."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        content = os.read(descriptor, _HEAD)
        if len(content) < _HEAD or (b"\0" in content[:8000] and wide_encoding(content) is None):
            return content
        parts = [content]
        while (rest := MAX_BYTES - sum(map(len, parts))) > 0 and (part := os.read(descriptor, rest)):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(descriptor)
