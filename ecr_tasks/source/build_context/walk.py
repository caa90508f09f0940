"""The files of a build context: what .dockerignore lets through, as BuildKit's walk finds it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ecr_tasks.source.build_context.dockerignore import DockerIgnore


def carried(
    context: Path, ignore: DockerIgnore, never: frozenset[str] = frozenset()
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Each file and link, with its path in the context (slashes); names in ``never`` are passed over everywhere.

    Links are not followed. Raises OSError where a folder can't be read.
    """
    yield from _walk(str(context), "", None, ignore, never)


def _walk(
    folder: str, prefix: str, said: Sequence[bool] | None, ignore: DockerIgnore, never: frozenset[str]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if entry.name not in never]
    for entry in found:
        path = prefix + entry.name
        ignored, here = ignore.judge(path, said)
        if not entry.is_dir(follow_symlinks=False):
            if not ignored:
                yield path, entry
        elif not ignored or ignore.enters(path):
            yield from _walk(entry.path, f"{path}/", here, ignore, never)
