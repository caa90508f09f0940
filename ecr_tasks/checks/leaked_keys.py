"""The check for access keys in a dotenv file that git tracks, or that a build context would carry into an image."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from ecr_tasks.checks.key_shapes import find_key_id, is_key
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.errors import Problems
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.build_context.walk import local_contexts
from ecr_tasks.source.git.read import is_tracked
from ecr_tasks.source.source_state import SourceState

_DEPTH = 2
"""How many folders below the context's top are searched: ``services/api/.env`` is found. Searching all of them would
cost seconds in a tree with dependencies, at every build."""

_SKIPPED = frozenset({".git", ".hg", ".svn", ".ecr-tasks", "node_modules", "__pycache__", ".venv", "venv"})
"""Folders with very many files and no settings."""

_KEY_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
# What sets a secret in a comment or in a broken line.
_IN_TEXT = re.compile(r"""(?i)\b(AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN)\s*[=:]\s*["']?([^\s"'#]+)""")
_COMMENT = "#"


@dataclass(frozen=True)
class Leak:
    """A dotenv file with access keys, one way in which they would leak, and the line that prevents it."""

    path: Path
    why: Literal["tracked", "in-context"]
    names: tuple[tuple[str, int], ...]
    """The keys' names, each with its line."""
    ignore_file: Path
    ignore_line: str
    """The line to append to ``ignore_file``, a .gitignore or the build's .dockerignore."""


def check_leaked_keys(settings: Settings, source: SourceState, definitions: Iterable[BuildDefinition]) -> None:
    """Raise Refused when a dotenv file with access keys is in git or in one of the definitions' build contexts."""
    tracked = partial(is_tracked, source.root, environ=os.environ)
    for context, dockerfile in local_contexts(definitions):
        leaks = find_leaks(
            context=context,
            dockerfile=dockerfile,
            project=settings.project,
            files=settings.files,
            tracked=tracked,
            allowed=[settings.project / name for name in settings.allow_keys_in],
        )
        if leaks:
            raise refusal(leaks)


def find_leaks(
    *,
    context: Path,
    dockerfile: Path,
    project: Path,
    files: Sequence[Path],
    tracked: Callable[[Path], bool],
    allowed: Sequence[Path] = (),
) -> tuple[Leak, ...]:
    """Return the leaks of a build of ``dockerfile`` in the folder ``context``.

    ``files`` are the dotenv files that settings were read from. They, the other dotenv files of ``project`` and those
    of the context's upper folders must neither be tracked by git nor be in the context. A dotenv file is recognized
    by its name (``.env``, ``.env.prod``, ``.envrc``, ``prod.env``); one without keys, such as ``.env.example``, is
    no leak, nor is one of ``allowed``. Links are resolved. Raises SettingsError for a malformed .dockerignore.
    """
    settings_files = _unique(files)
    ignore, root = DockerIgnore.read(context, dockerfile), context.resolve()
    allowed_files = _unique(allowed)
    leaks = []
    for path in _unique([*files, *_dotenv_files(project), *_dotenv_files(root, _DEPTH)]):
        if path in allowed_files:
            continue
        names = _keys(path, must_be_readable=path in settings_files)
        if not names:
            continue
        if tracked(path):
            leaks.append(Leak(path, "tracked", names, path.parent / ".gitignore", f"/{_quoted(path.name)}"))
        relative = _short_path(path, root)
        if path.is_relative_to(root) and not ignore.ignores(relative):
            leaks.append(Leak(path, "in-context", names, ignore.file, _quoted(relative)))
    return tuple(leaks)


def find_keys(path: Path) -> list[tuple[str, int]]:
    """Return the name and line of each AWS access key in a dotenv file; an empty list if the file doesn't exist.

    What can't be a key by its shape is none, such as a sample's ``your-access-key``. A value under another name and a
    comment count where they have the id of an access key or set a secret; a comment's name is ``#``. Raises
    SettingsProblems when the file can't be read.
    """
    from ecr_tasks.settings.dotenv import line_of, parse_bindings

    if not path.exists():
        return []
    problems = Problems()
    bindings = parse_bindings(path, problems)
    problems.raise_if_any()
    keys = []
    for binding in bindings:
        text = binding.original.string
        if binding.key is not None and is_key(binding.key, binding.value or ""):
            keys.append((binding.key, line_of(binding)))
        elif match := find_key_id(text) or (_find_secret(text) if binding.key is None else None):
            line = binding.original.line + text[: match.start()].count("\n")
            keys.append((binding.key or (match[1] if binding.error and match.re is _IN_TEXT else _COMMENT), line))
    return keys


def _find_secret(text: str) -> re.Match[str] | None:
    """Return the first place in a text that sets a secret."""
    return next((match for match in _IN_TEXT.finditer(text) if is_key(match[1], match[2])), None)


def refusal(leaks: Sequence[Leak]) -> Refused:
    """Return the error for at least one leak: it names files, names and lines, never a value."""
    paths = dict.fromkeys(leak.path for leak in leaks)
    causes = [_cause(path, [leak for leak in leaks if leak.path == path]) for path in paths]
    remedy = "; ".join(dict.fromkeys(_remedy(leak) for leak in leaks))
    remedy += (
        f"; or name {'the file' if len(paths) == 1 else 'those files'} in ECR_ALLOW_KEYS_IN if the keys open nothing"
    )
    return Refused(f"{'; '.join(causes)}.", f"{remedy[0].upper()}{remedy[1:]}.")


def _keys(path: Path, *, must_be_readable: bool) -> tuple[tuple[str, int], ...]:
    try:
        return tuple(find_keys(path)) if path.is_file() else ()
    except SettingsError:  # .env.gpg and the like: no dotenv file, in spite of its name
        if must_be_readable:
            raise
        return ()


def _unique(paths: Iterable[Path]) -> list[Path]:
    """Return the resolved paths in their order, each once."""
    return list(dict.fromkeys(path.resolve() for path in paths))


def _dotenv_files(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield the dotenv files of a folder, then those of its subfolders down to ``depth`` levels."""
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:  # it vanished, or this user may not read it: then the build can't read it either
        return
    for entry in entries:
        if (entry.name.startswith(".env") or entry.name.endswith(".env")) and entry.is_file():
            yield Path(entry.path)
    for entry in entries if depth else ():
        if entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False):
            yield from _dotenv_files(Path(entry.path), depth - 1)


def _quoted(path: str) -> str:
    """Return a line that ignores this one path, in a .gitignore and in a .dockerignore.

    git and docker trim white space at both ends, and a line break ends the line: ``?`` replaces these characters.
    """
    quoted = [f"\\{char}" if char in "\\*?[]^{}|!#" else char for char in path]
    last = len(path) - 1
    return "".join(
        "?" if char == "\n" or not char.isprintable() or (char.isspace() and index in (0, last)) else char
        for index, char in enumerate(quoted)
    )


def _cause(path: Path, leaks: Sequence[Leak]) -> str:
    keys = [f"{'a key in a comment' if name == _COMMENT else name} (line {line})" for name, line in leaks[0].names]
    reasons = {"tracked": "git tracks it", "in-context": "the build context would carry it into the image"}
    return f"{_short_path(path)} holds {_joined(keys)}, and {_joined([reasons[leak.why] for leak in leaks])}"


def _remedy(leak: Leak) -> str:
    add = f"add the line {leak.ignore_line} to {_short_path(leak.ignore_file)}"
    if leak.why == "in-context":
        return add
    untrack = f"git rm --cached -- {shlex.quote(_short_path(leak.path))}"
    return f"{add}, run `{untrack}`, and replace the keys, because git's history keeps them"


def _short_path(path: Path, folder: Path | None = None) -> str:
    """Return the path relative to a folder (default: the working directory); a path outside it is not changed."""
    folder = folder or Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _joined(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
