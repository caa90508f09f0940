"""Choose the local image names that earlier runs left and nobody needs (ECR_KEEP_LOCAL)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from ecr_tasks.model.image import Image
from ecr_tasks.model.local_image import LocalImage
from ecr_tasks.model.manifest import CREATED, REVISION, SETTINGS, SOURCE, VERSION
from ecr_tasks.model.tag import DIRTY
from ecr_tasks.plan.parts import part_prefix


def stale_names(
    stored: Sequence[LocalImage], image: Image, keep: int, built: Collection[str], is_known: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return the names in an image's repository to remove: of all commits but the ``keep`` newest ones.

    Only names that a run of ecr-tasks gives: of an image with its labels, under a tag with that image's commit or
    version. Only those of this project, as others may publish in a repository of the same name: of an image with the
    same source as a label, or of a commit that ``is_known`` in this clone. What a container or another run uses
    stays, and so does the commit of the images ``built``, by id, which is one of those that are kept; with ``keep`` 0
    it goes, too. ``stored`` may be from before the build: the names that it gives are not another image's any more.
    """
    names = {item.id: [name for name in item.names if _is_ours(name, item, image, built)] for item in stored}
    ours = [item for item in stored if names[item.id] and _is_of_project(item, image, is_known)]
    times: dict[str, str] = {}
    for item in ours:
        times[_commit(item)] = max(times.get(_commit(item), ""), item.labels.get(CREATED, ""))
    current = {_commit(item) for item in ours if item.id in built}
    if built and not current:
        current = {image.definition.labels.get(REVISION, "")} - {""}
    times = {**dict.fromkeys(current, ""), **times}
    newest = sorted(times, key=lambda commit: (commit in current, times[commit], commit), reverse=True)
    kept = set(newest[:keep])
    return tuple(name for item in ours if not item.used and _commit(item) not in kept for name in names[item.id])


def stale_candidates(ids: Mapping[str, str], image: Image, keep: int) -> set[str]:
    """Return the ids of the images in an image's repository if it has so many tags that some may be too old.

    ``ids`` are those of all images by name, ``repository:tag``; the image's own tags count, also before its build.
    """
    names = [name for name in ids if _is_of(name, image.repository)]
    tags = {*(name.rpartition(":")[2] for name in names), *(tag.name for tag in image.local_tags)}
    return {ids[name] for name in names} if len(tags) > keep else set()


def _commit(item: LocalImage) -> str:
    return item.labels.get(REVISION, "")


def _is_of_project(item: LocalImage, image: Image, is_known: Callable[[str], bool]) -> bool:
    """Return whether a stored image was built by ecr-tasks from the same project as ``image``."""
    if SETTINGS not in item.labels or not _commit(item):
        return False
    source = item.labels.get(SOURCE)
    return (source is not None and source == image.definition.labels.get(SOURCE)) or is_known(_commit(item))


def _is_ours(name: str, item: LocalImage, image: Image, built: Collection[str]) -> bool:
    """Return whether a run gave this name: its tag is the image's version or a part's, or has its commit's id."""
    if not _is_of(name, image.repository):
        return False
    tag = name.rpartition(":")[2]
    if tag in image.planned_names:
        return item.id in built
    if tag.startswith(part_prefix(_commit(item))):
        return True
    clean = tag.removesuffix(DIRTY)
    return clean == item.labels.get(VERSION, "") or _names(clean, _commit(item), _suffixes(image))


def _names(tag: str, commit: str, suffixes: Collection[str]) -> bool:
    """Return whether a tag is a commit's: its id or the beginning of it, with a prefix and perhaps a revision."""
    tag = re.sub(r"-r[0-9]+\Z", "", tag)
    ends = [tag.removesuffix(suffix) for suffix in suffixes if tag.endswith(suffix)]
    beginnings = [re.split(r"[-_.]", end)[-1] for end in ends]
    return any(len(beginning) >= 7 and commit.startswith(beginning) for beginning in beginnings)


def _suffixes(image: Image) -> set[str]:
    """Return what follows the commit's id in an image's tags: that of a flavor, and nothing."""
    commit = image.definition.labels.get(REVISION, "")
    found = {""}
    for tag in image.planned_names:
        _, begins, rest = tag.removesuffix(DIRTY).partition(commit[:7]) if commit else ("", "", "")
        if begins:
            found.add(rest.lstrip("0123456789abcdef"))
    return found


def _is_of(name: str, repository: str) -> bool:
    """Return whether a name is of the repository, here or in any registry."""
    host, slash, rest = name.rpartition(":")[0].partition("/")
    in_registry = bool(slash) and rest == repository and (":" in host or "." in host or host == "localhost")
    return in_registry or name.rpartition(":")[0] == repository
