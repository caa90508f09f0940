"""Finds access keys on their way out: in a dotenv file that git tracks, or that the build context carries.

interface.md, "Credentials": both are refused, with the lines that mend it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.source.build_context.dockerignore import DockerIgnore

HoldsKeys = Callable[[Path], Sequence[tuple[str, int]]]
"""The names under which a dotenv file holds access keys, each with its line (``#``: in a comment)."""

_DEPTH = 2
"""How many folders below the context's top are looked into: ``services/api/.env`` is found. A whole walk would
cost seconds in a tree with dependencies, at every build."""

_SKIPPED = frozenset({".git", ".hg", ".svn", ".ecr-tasks", "node_modules", "__pycache__", ".venv", "venv"})
"""Folders that hold nobody's settings and very many files."""

_NAMELESS = {"#": "a key in a comment"}


@dataclass(frozen=True)
class Leak:
    """Access keys in the file ``path``, one way in which they would leave, and the line that stops it."""

    path: Path
    why: Literal["tracked", "in-context"]
    names: tuple[tuple[str, int], ...]
    """The keys' names, each with its line."""
    ignore_file: Path
    ignore_line: str
    """What to append to ``ignore_file``, a .gitignore or the build's .dockerignore."""


def find_leaks(
    *,
    context: Path,
    dockerfile: Path,
    files: Sequence[Path],
    tracked: Callable[[Path], bool],
    holds_keys: HoldsKeys,
) -> tuple[Leak, ...]:
    """The leaks of a build of ``dockerfile`` in the folder ``context``.

    ``files`` are the dotenv files that were read. They, and the other dotenv files beside them, must not be
    tracked by git; nor may they, or any dotenv file in the context's upper folders, be in the context. What
    a dotenv file is, its name says (``.env``, ``.env.prod``, ``.envrc``, ``prod.env``), and ``.env.example``
    is one: as long as it holds no key, nothing is wrong with it. Links are looked at where they lead.
    SettingsError for a malformed .dockerignore.
    """
    read = _unique(files)
    own = _unique([*files, *(found for folder in _unique(file.parent for file in files) for found in _in(folder))])
    ignore = DockerIgnore.read(context, dockerfile)
    leaks = []
    for path in _unique([*own, *_below(context.resolve(), _DEPTH)]):
        names = _keys(path, holds_keys, must_be_readable=path in read)
        if not names:
            continue
        if path in own and tracked(path):
            leaks.append(Leak(path, "tracked", names, path.parent / ".gitignore", f"/{_quoted(path.name)}"))
        inside = _relative(path, context)
        if inside is not None and not ignore.ignores(inside):
            leaks.append(Leak(path, "in-context", names, ignore.file, _quoted(inside)))
    return tuple(leaks)


def refuse(leaks: Sequence[Leak]) -> Refused:
    """The error for at least one leak: files, names and lines, never a value."""
    causes = [_cause(path, [leak for leak in leaks if leak.path == path]) for path in _unique_paths(leaks)]
    remedies = [_remedy(leak) for leak in leaks]
    remedy = "; ".join(dict.fromkeys(remedies))
    return Refused(f"{'; '.join(causes)}.", f"{remedy[0].upper()}{remedy[1:]}.")


def carries(context: Path, dockerfile: Path, relative: str) -> bool:
    """Whether the build's context carries the file ``relative``, or any file of that folder.

    ``relative`` is relative to the context, with slashes. A path that is not there (yet) counts as a file.
    SettingsError for a malformed .dockerignore.
    """
    ignore = DockerIgnore.read(context, dockerfile)
    start = context / relative
    if not start.is_dir():
        return not ignore.ignores(relative)
    return any(
        not ignore.ignores(path.relative_to(context).as_posix())
        for path in start.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )


def _keys(path: Path, holds_keys: HoldsKeys, *, must_be_readable: bool) -> tuple[tuple[str, int], ...]:
    try:
        return tuple(holds_keys(path)) if path.is_file() else ()
    except SettingsError:  # .env.gpg and the like: no dotenv file, in spite of its name
        if must_be_readable:
            raise
        return ()


def _unique(paths: Iterable[Path]) -> list[Path]:
    """The paths as they really are, in their order: a link's text is no secret, what it leads to may be."""
    return list(dict.fromkeys(path.resolve() for path in paths))


def _unique_paths(leaks: Sequence[Leak]) -> list[Path]:
    return list(dict.fromkeys(leak.path for leak in leaks))


def _in(folder: Path) -> Iterator[Path]:
    """The dotenv files of one folder, by name."""
    for entry in _entries(folder):
        if _is_dotenv(entry.name) and entry.is_file():
            yield Path(entry.path)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    yield from _in(folder)
    if depth:
        for entry in _entries(folder):
            if entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path), depth - 1)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:  # gone meanwhile, or not ours to read: then neither the build's
        return []


def _is_dotenv(name: str) -> bool:
    return name.startswith(".env") or name.endswith(".env")


def _relative(path: Path, context: Path) -> str | None:
    """The path in the context, with slashes; None when it is outside."""
    try:
        return path.relative_to(context.resolve()).as_posix()
    except ValueError:
        return None


def _quoted(path: str) -> str:
    """A line that ignores this one path, in a .gitignore and in a .dockerignore.

    White space at an end would be trimmed and a line break ends the line, so ``?`` stands for them.
    """
    quoted = [f"\\{char}" if char in "\\*?[]^{}|!#" else char for char in path]
    last = len(path) - 1
    return "".join(
        "?" if char == "\n" or not char.isprintable() or (char.isspace() and index in (0, last)) else char
        for index, char in enumerate(quoted)
    )


def _cause(path: Path, leaks: Sequence[Leak]) -> str:
    names = _joined([f"{_NAMELESS.get(name, name)} (line {line})" for name, line in leaks[0].names])
    reasons = {"tracked": "git tracks it", "in-context": "the build context would carry it into the image"}
    return f"{_shown(path)} holds {names}, and {_joined([reasons[leak.why] for leak in leaks])}"


def _remedy(leak: Leak) -> str:
    add = f"add the line {leak.ignore_line} to {_shown(leak.ignore_file)}"
    if leak.why == "in-context":
        return add
    untrack = f"git rm --cached -- {shlex.quote(_shown(leak.path))}"
    return f"{add}, run `{untrack}`, and replace the keys, because git's history keeps them"


def _shown(path: Path) -> str:
    """Relative to the working directory where that is shorter to read and to paste."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _joined(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
