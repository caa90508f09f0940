"""The files of a build context that .dockerignore doesn't exclude, listed as BuildKit walks through the context."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.parse.build_options import DEFAULT_DOCKERFILE, is_folder, is_remote, is_remote_file
from ecr_tasks.source.build_context.dockerignore import NAME as DOCKERIGNORE
from ecr_tasks.source.build_context.dockerignore import (
    DockerIgnore,
    Matched,
    dockerfile_path,
    existing_dockerfile,
    way_within,
)
from ecr_tasks.source.build_context.sources import EVERYTHING, Sources

if TYPE_CHECKING:
    from ecr_tasks.source.build_context.dockerignore_pattern import Matcher

    _Wanted = tuple[tuple[Matcher, ...], ...] | None
    _Level = tuple[str, str, Matched | None, _Wanted]
    """A folder, its path in the context, the rules that match it, and what is wanted in it."""


_POLICY = ".rego"
"""What the name of the policy for a Dockerfile's sources ends with (buildx, build/opt.go)."""


def local_contexts(definitions: Iterable[BuildDefinition]) -> Iterator[tuple[Path, Path]]:
    """Yield the build contexts that are local folders, each with its Dockerfile's path; skip remote contexts."""
    for definition in definitions:
        context = Path(definition.context)
        if context.is_dir():
            yield context, dockerfile_path(context, definition.dockerfile or DEFAULT_DOCKERFILE)


@dataclass(frozen=True)
class ContextFolder:
    """A folder that a build reads.

    ``name`` is that of a named context, None for the main one. ``dockerfile`` is the main context's, as it is
    written; None if it is inline or remote.
    """

    path: Path
    name: str | None = None
    dockerfile: Path | None = None

    def ignore(self) -> DockerIgnore:
        """Read the folder's rules. Raises SettingsError for a malformed .dockerignore."""
        return DockerIgnore.read(self.path, self.dockerfile)

    def read_beside(self) -> Iterator[Path]:
        """Yield the paths that decide what a build reads, and need not be in the folder, whether or not they exist.

        They are the folder itself, which may be a link, the Dockerfile that docker takes in place of a missing one,
        its policy, and its ignore file, which replaces the folder's, each with the links that BuildKit follows.
        """
        yield self.path
        yield from way_within(self.path, DOCKERIGNORE)
        if self.dockerfile is not None:
            for dockerfile in dict.fromkeys((self.dockerfile, existing_dockerfile(self.dockerfile))):
                yield dockerfile
                yield dockerfile.with_name(f"{dockerfile.name}{_POLICY}")
                yield from way_within(dockerfile.parent, f"{dockerfile.name}{DOCKERIGNORE}")


def context_folders(definition: BuildDefinition, project: Path) -> Iterator[ContextFolder]:
    """Yield the local folders that a build reads, whether or not they exist: its context, then its named contexts.

    Paths of named contexts are relative to ``project``, where docker is started.
    """
    if not is_remote(definition.context):
        yield ContextFolder(project / definition.context, dockerfile=_dockerfile(definition, project))
    for name, value in definition.contexts.items():
        if is_folder(value):
            yield ContextFolder(project / value, name)


def fetches_context(definition: BuildDefinition) -> bool:
    """Return whether docker fetches the Dockerfile or a context of a build from an address, maybe with a key."""
    is_inline = isinstance(definition.extra.get("dockerfile-inline"), str)
    return (not is_inline and is_remote_file(definition.dockerfile or "")) or any(
        map(is_remote, (definition.context, *definition.contexts.values()))
    )


def unique_folders(definitions: Iterable[BuildDefinition], project: Path) -> Iterable[ContextFolder]:
    """Return the local folders that several builds read, each once."""
    return dict.fromkeys(folder for definition in definitions for folder in context_folders(definition, project))


def _dockerfile(definition: BuildDefinition, project: Path) -> Path | None:
    name = definition.dockerfile or DEFAULT_DOCKERFILE
    if isinstance(definition.extra.get("dockerfile-inline"), str) or is_remote_file(name):
        return None
    return dockerfile_path(project / definition.context, name)


def context_files(
    folder: Path | str,
    ignore: DockerIgnore,
    never: frozenset[str],
    prefix: str = "",
    matched: Matched | None = None,
    sources: Sources = EVERYTHING,
    only: Mapping[str, frozenset[str]] = MappingProxyType({}),
    *,
    folders: bool = False,
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield each file and link of a context that may not be ignored, with its path in the context (with slashes).

    With ``folders``, those are yielded, too: BuildKit is sent also one without files. Names in ``never`` are left out
    at every depth; in a folder whose name is in ``only``, all but those names are. Links are not followed. For a
    subfolder, ``prefix`` is its path and ``matched`` tells which rules match it. ``sources`` is what the build takes.
    A folder that goes away meanwhile has no files. Raises OSError if one can't be read.
    """
    pending: list[_Level] = [(os.fspath(folder), prefix, matched, sources.matchers)]
    while pending:
        path, prefix, matched, wanted = pending.pop()
        try:
            with os.scandir(path) as scan:
                listed = only.get(prefix[:-1].rpartition("/")[2])
                entries = [
                    entry for entry in scan if entry.name not in never and (not listed or entry.name in listed)
                ]
        except (FileNotFoundError, NotADirectoryError):
            if path == os.fspath(folder):
                raise
            continue  # it went away meanwhile, and the others are still there
        apply = ignore.in_folder(prefix.count("/"), matched)
        for entry in entries:
            wanted_here = None if wanted is None else _step(wanted, entry.name)
            if wanted_here == ():
                continue
            path = prefix + entry.name
            ignored, matched_here = apply(path)
            is_folder = entry.is_dir(follow_symlinks=False)
            if not ignored and wanted_here is None and (folders or not is_folder):
                yield path, entry
            if is_folder and (not ignored or ignore.enters(path)):
                pending.append((entry.path, f"{path}/", matched_here, wanted_here))


def sends_any(context: Path, ignore: DockerIgnore, folder: str) -> bool:
    """Return whether a context sends anything of a folder in it, as that is on disk; ``folder`` is its path there."""
    ignored: bool | None = False
    matched: Matched | None = None
    parts = folder.split("/")
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        ignored, matched = ignore.apply(path, matched)
        if ignored and not ignore.enters(path):
            return False
    if not ignored:
        return True
    try:
        files = context_files(context / folder, ignore, frozenset(), f"{folder}/", matched, folders=True)
        return any(True for _ in files)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # which the build will say, too
        return True


def _step(wanted: tuple[tuple[Matcher, ...], ...], name: str) -> _Wanted:
    """Return what is wanted in the file or folder ``name``; nothing if empty, everything if None."""
    rest = tuple(matchers[1:] for matchers in wanted if matchers[0](name) is not False)
    return None if () in rest else rest
