"""Choose the local image names that earlier runs left and nobody needs (ECR_KEEP_LOCAL)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ecr_tasks.model.local_image import LocalImage
from ecr_tasks.model.manifest import CREATED, REVISION, SETTINGS, VERSION
from ecr_tasks.model.tag import DIRTY


def stale_names(
    images: Sequence[LocalImage], repository: str, keep: int, built: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the names of a repository's images to remove: of all commits but the ``keep`` newest ones.

    Only names that a run of ecr-tasks gives: of an image with its labels, under a tag with that image's commit or
    version. What a container or another run uses stays, and so does the commit of the images ``built``, by id, which
    is one of those that are kept; with ``keep`` 0 it goes, too.
    """
    ours = [image for image in images if SETTINGS in image.labels and image.labels.get(REVISION)]
    ours = [image for image in ours if any(_is_ours(name, image, repository) for name in image.names)]
    times: dict[str, str] = {}
    for image in ours:
        times[_commit(image)] = max(times.get(_commit(image), ""), image.labels.get(CREATED, ""))
    current = {_commit(image) for image in ours if image.id in built}
    newest = sorted(times, key=lambda commit: (commit in current, times[commit], commit), reverse=True)
    kept = set(newest[:keep])
    stale = [image for image in ours if not image.used and _commit(image) not in kept]
    return tuple(name for image in stale for name in image.names if _is_ours(name, image, repository))


def could_be_stale(names: Sequence[str], repository: str, keep: int) -> bool:
    """Return whether a repository has so many names that some may be too old; names are ``repository:tag``."""
    return len({name.rpartition(":")[2] for name in names if _is_of(name, repository)}) > keep


def _commit(image: LocalImage) -> str:
    return image.labels.get(REVISION, "")


def _is_ours(name: str, image: LocalImage, repository: str) -> bool:
    """Return whether a run gave an image this name: its tag is the image's version, or has its commit's id."""
    tag = name.rpartition(":")[2].removesuffix(DIRTY)
    return _is_of(name, repository) and (tag == image.labels.get(VERSION, "") or _names(tag, _commit(image)))


def _names(tag: str, commit: str) -> bool:
    """Return whether a tag is a commit's: its id or the beginning of it, with a prefix and perhaps a revision."""
    match = re.fullmatch(r"(?:[A-Za-z0-9_.-]*[-_.])?([0-9a-f]{7,64})(?:-r[0-9]+)?", tag)
    return match is not None and commit.startswith(match[1])


def _is_of(name: str, repository: str) -> bool:
    """Return whether a name is of the repository, here or in any registry."""
    host, slash, rest = name.rpartition(":")[0].partition("/")
    in_registry = bool(slash) and rest == repository and (":" in host or "." in host or host == "localhost")
    return in_registry or name.rpartition(":")[0] == repository
