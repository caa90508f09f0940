"""The files of a build context that .dockerignore doesn't exclude, listed as BuildKit walks through the context."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.parse.build_options import DEFAULT_DOCKERFILE
from ecr_tasks.source.build_context.dockerignore import DockerIgnore, Matched


def local_contexts(definitions: Iterable[BuildDefinition]) -> Iterator[tuple[Path, Path]]:
    """Yield the build contexts that are local folders, each with its Dockerfile's path; skip remote contexts."""
    for definition in definitions:
        context = Path(definition.context)
        if context.is_dir():
            yield context, context / (definition.dockerfile or DEFAULT_DOCKERFILE)


def context_files(
    folder: Path | str, ignore: DockerIgnore, never: frozenset[str], prefix: str = "", matched: Matched | None = None
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield each file and link of a context that may not be ignored, with its path in the context (with slashes).

    Names in ``never`` are left out at every depth. Links are not followed. For a subfolder, ``prefix`` is its path
    and ``matched`` tells which rules match it. Raises OSError if a folder can't be read.
    """
    with os.scandir(folder) as scan:
        entries = [entry for entry in scan if entry.name not in never]
    for entry in entries:
        path = prefix + entry.name
        ignored, matched_here = ignore.apply(path, matched)
        if not entry.is_dir(follow_symlinks=False):
            if not ignored:
                yield path, entry
        elif not ignored or ignore.enters(path):
            yield from context_files(entry.path, ignore, never, f"{path}/", matched_here)
