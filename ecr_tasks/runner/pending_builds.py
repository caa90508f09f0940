"""The last builds of this user's projects, which a push to come may need: no other run removes their local names.

`inv build` and `inv push` may be two steps of a pipeline, and other pipelines may run on the same engine in between.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ecr_tasks.files import read_text
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.own_files import cache_folder, remove_file, replace_file

PENDING_SECONDS = 24 * 3600
"""How long a build may wait for its push."""

_FOLDER = "ecr-tasks/builds"


def note(project: Path, ids: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Note the ids of a project's last builds, by repository; do nothing where that is not possible."""
    folder = _folder(environ)
    if folder is None:
        return
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for repository, image_id in ids.items():
            replace_file(folder / _name(project, repository), image_id.encode(), folder, mode=0o600)


def forget(project: Path, repositories: Collection[str], environ: Mapping[str, str]) -> None:
    """Forget a project's builds for these repositories, which were pushed."""
    folder = _folder(environ)
    if folder is None:
        return
    for repository in repositories:
        with suppress(OSError):
            remove_file(folder / _name(project, repository), folder)


def of_project(project: Path, repositories: Collection[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the ids of a project's builds for these repositories that wait for their push, by repository."""
    folder = _folder(environ)
    ids: dict[str, str] = {}
    if folder is None:
        return ids
    for repository in repositories:
        with suppress(OSError, UnicodeError):
            ids[repository] = read_text(folder / _name(project, repository))
    return ids


def of_others(project: Path, repositories: Collection[str], environ: Mapping[str, str]) -> set[str]:
    """Return the ids of all last builds but this project's for these repositories, and forget old ones."""
    folder = _folder(environ)
    own = {_name(project, repository) for repository in repositories}
    ids: set[str] = set()
    with suppress(OSError):
        for path in folder.iterdir() if folder else ():
            with suppress(OSError, UnicodeError):
                if time.time() - path.stat().st_mtime > PENDING_SECONDS:
                    path.unlink()
                elif path.name not in own:
                    ids.update(read_text(path).split())
    return ids


def _folder(environ: Mapping[str, str]) -> Path | None:
    caches = cache_folder(environ)
    return caches / _FOLDER if caches else None


def _name(project: Path, repository: str) -> str:
    return sha256_digest(f"{os.path.realpath(project)}\n{repository}").removeprefix("sha256:")[:32]
