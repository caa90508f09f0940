"""The check that this user may read every file that a build context would carry.

BuildKit makes an empty file of one that it can't read, without a word, and the build succeeds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.walk import ContextFolder, context_files, unique_folders

_EFFECTIVE = os.access in os.supports_effective_ids

_SHOWN = 3
"""The highest number of paths that the message names."""


def check_readable(name: str, definitions: Iterable[BuildDefinition], project: Path) -> None:
    """Raise Refused when this user may not read a file that the contexts of the image ``name`` would carry."""
    if not hasattr(os, "geteuid") or os.geteuid() == 0:  # root may read everything
        return
    paths = (path for folder in unique_folders(definitions, project) for path in _unreadable(folder))
    if unreadable := list(islice(paths, _SHOWN + 1)):
        shown = ", ".join(unreadable[:_SHOWN]) + (" and others" if len(unreadable) > _SHOWN else "")
        raise Refused(
            f"This user may not read what the build context of {name} would carry, which would be empty files in the "
            f"image: {shown}.",
            "Give read permission there, or exclude it in .dockerignore if the image doesn't need it.",
        )


def _unreadable(folder: ContextFolder) -> Iterator[str]:
    try:
        for _, entry in context_files(folder.path, folder.ignore(), frozenset()):
            if not entry.is_symlink() and not os.access(entry.path, os.R_OK, effective_ids=_EFFECTIVE):
                yield entry.path
    except FileNotFoundError:  # another check names a folder that is missing; a file may go away meanwhile
        return
    except PermissionError as error:
        yield str(error.filename)
