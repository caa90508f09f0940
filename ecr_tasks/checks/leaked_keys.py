"""The check for secrets in what docker sends to the builder, and for access keys in dotenv files that git tracks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType

from ecr_tasks.checks.allowed_secrets import (
    COMMENT,
    AllowedSecrets,
    short_path,
)
from ecr_tasks.checks.key_shapes import find_key_id, is_key
from ecr_tasks.checks.known_secrets import known_secrets
from ecr_tasks.checks.leak import Leak, refusal
from ecr_tasks.checks.secret_values import check_dockerfile, check_values
from ecr_tasks.checks.sent_secrets import Names, is_dotenv, sent_secrets
from ecr_tasks.errors import SettingsError
from ecr_tasks.files import resolved
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.tag import Tag
from ecr_tasks.settings.errors import Problems
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.build_context.read_sources import read_sources
from ecr_tasks.source.build_context.sources import Sources
from ecr_tasks.source.build_context.walk import ContextFolder, context_folders, local_contexts
from ecr_tasks.source.git.read import is_tracked
from ecr_tasks.source.source_state import SourceState

_DEPTH = 2
"""How many folders below the context's top are searched for what no instruction of the Dockerfile takes yet:
``services/api/.env`` is found. What the build takes is searched at every depth."""

_SKIPPED = frozenset({".git", ".hg", ".svn", ".ecr-tasks", "node_modules", "__pycache__", ".venv", "venv"})
"""Folders with very many files and no settings."""

_KEY_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
# What sets a secret in a comment or in a broken line.
_IN_TEXT = re.compile(r"""(?i)\b(AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN)\s*[=:]\s*["']?([^\s"'#]+)""")


def check_leaked_keys(
    settings: Settings,
    source: SourceState,
    definitions: Sequence[BuildDefinition],
    note: Callable[[str], None] = lambda text: None,
    scan: Scan | None = None,
    *,
    tags: Sequence[Tag] = (),
    environ: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Raise Refused when a secret is in one of the definitions' contexts or values, or access keys are in git.

    ``note`` is told what ECR_ALLOW_KEYS_IN lets through, with its reason. ``scan`` is handed on where several images
    are checked, so that a context which they share is searched once. ``tags`` are those of the image. The variables
    of ``environ`` that are secrets may be in no value.
    """
    allowed, scan = AllowedSecrets(settings), scan or new_scan()
    known = known_secrets(settings, definitions, environ)
    tracked = partial(is_tracked, source.root, environ=os.environ)
    for definition in definitions:
        check_dockerfile(definition, allowed, known, note)
        leaks: list[Leak] = []
        for context, dockerfile in local_contexts([definition]):
            leaks += find_leaks(
                context=context,
                dockerfile=dockerfile,
                project=settings.project,
                files=settings.files,
                others=settings.other_env_files,
                tracked=tracked,
            )
        for folder in context_folders(definition, settings.project):
            sources = read_sources(definition, folder.name)
            for path, names in scan(folder, sources):
                ignore_line = _quoted(path.relative_to(folder.path).as_posix())
                leaks.append(Leak(resolved(path), "in-context", names, folder.ignore().file, ignore_line))
        remaining = [
            replace(leak, names=allowed.remaining(leak.path, leak.names, note)) for leak in _unique_leaks(leaks)
        ]
        remaining = [leak for leak in remaining if leak.names]
        if remaining:
            raise refusal(remaining, [allowed.entry_for(leak.path, leak.names[0][0]) for leak in remaining])
        check_values(definition, tags, allowed, known, note)


Scan = Callable[[ContextFolder, Sources], tuple[tuple[Path, Names], ...]]
"""A search of a context for files with secrets."""


def new_scan(see: Callable[[str, str, os.DirEntry[str]], object] = lambda *entry: None) -> Scan:
    """Return a search that does not search a context twice; ``see`` is as for :func:`sent_secrets`."""
    return cache(lambda folder, sources: tuple(sent_secrets(folder, sources, dotenv_keys, see)))


def _unique_leaks(leaks: Iterable[Leak]) -> list[Leak]:
    """Return the leaks, each way of a file only once."""
    unique: dict[tuple[Path, str, Path], Leak] = {}
    for leak in leaks:
        unique.setdefault((leak.path, leak.why, resolved(leak.ignore_file)), leak)
    return list(unique.values())


def find_leaks(
    *,
    context: Path,
    dockerfile: Path,
    project: Path,
    files: Sequence[Path],
    tracked: Callable[[Path], bool],
    others: Sequence[Path] = (),
) -> tuple[Leak, ...]:
    """Return the leaks of a build of ``dockerfile`` in the folder ``context``.

    ``files`` are the dotenv files that settings were read from. They, the ``others`` beside them, the other dotenv
    files of ``project`` and those of the context's upper folders must neither be tracked by git nor be in the
    context. A dotenv file is recognized by its name (``.env``, ``.env.prod``, ``.envrc``, ``prod.env``); one without
    keys, such as ``.env.example``, is no leak. Links are resolved. Raises SettingsError for a malformed
    .dockerignore.
    """
    settings_files = _unique(files)
    ignore, root = DockerIgnore.read(context, dockerfile), resolved(context)
    leaks = []
    for path in _unique([*files, *others, *_dotenv_files(project), *_dotenv_files(root, _DEPTH)]):
        names = _keys(path, must_be_readable=path in settings_files)
        if not names:
            continue
        if tracked(path):
            leaks.append(Leak(path, "tracked", names, path.parent / ".gitignore", f"/{_quoted(path.name)}"))
        relative = short_path(path, root)
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
            keys.append((binding.key or (match[1] if binding.error and match.re is _IN_TEXT else COMMENT), line))
    return keys


def _find_secret(text: str) -> re.Match[str] | None:
    """Return the first place in a text that sets a secret."""
    return next((match for match in _IN_TEXT.finditer(text) if is_key(match[1], match[2])), None)


def dotenv_keys(path: Path) -> tuple[tuple[str, int], ...]:
    """Return the access keys in a dotenv file, each with its line; none in one that can't be read."""
    return _keys(path, must_be_readable=False)


def _keys(path: Path, *, must_be_readable: bool) -> tuple[tuple[str, int], ...]:
    try:
        return tuple(find_keys(path)) if path.is_file() else ()
    except SettingsError:  # .env.gpg and the like: no dotenv file, in spite of its name
        if must_be_readable:
            raise
        return ()


def _unique(paths: Iterable[Path]) -> list[Path]:
    """Return the resolved paths in their order, each once."""
    return list(dict.fromkeys(resolved(path) for path in paths))


def _dotenv_files(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield the dotenv files of a folder, then those of its subfolders down to ``depth`` levels."""
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:  # it vanished, or this user may not read it: then the build can't read it either
        return
    for entry in entries:
        if is_dotenv(entry.name) and entry.is_file():
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
