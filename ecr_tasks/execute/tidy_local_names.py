"""Remove the local image names that earlier runs left (ECR_KEEP_LOCAL)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import Image
from ecr_tasks.model.local_image import LocalImage
from ecr_tasks.model.manifest import REVISION, SETTINGS, short_tags
from ecr_tasks.model.wording import FEW, name_some, together
from ecr_tasks.plan.local_names import stale_candidates, stale_names

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Docker

Annotations = Callable[[str], Mapping[str, str]]
"""Returns the annotations of the manifest with a digest; none where it isn't known."""


def stored_images(
    images: Sequence[Image], keep: int, docker: Docker, annotations: Annotations = lambda image_id: {}
) -> dict[str, list[LocalImage]]:
    """Return the images that have names in the repositories of these images, where some may be too old.

    docker is asked once about all. That may be before their build: what they replace is what was there. It takes long
    to tell of an image what it is: of those that were published from here, ``annotations`` say the same.
    """
    of_repository = {image.repository: image for image in images}
    names = docker.local_names([*of_repository])
    ids = {repository: stale_candidates(names, image, keep) for repository, image in of_repository.items()}
    wanted = sorted(set().union(*ids.values()))
    named: dict[str, list[str]] = {}
    for name, one in names.items():
        named.setdefault(one, []).append(name)
    labels = {one: found for one in wanted if {SETTINGS, REVISION} <= (found := annotations(one)).keys()}
    known = [LocalImage(one, tuple(named[one]), found) for one, found in labels.items()]
    others = [one for one in wanted if one not in labels]
    stored = {item.id: item for item in (docker.local_images(others, known) if wanted else ())}
    return {repository: [stored[item] for item in sorted(some) if item in stored] for repository, some in ids.items()}


def tidy_local_names(
    images: Sequence[Image],
    keep: int,
    docker: Docker,
    stored: Callable[[], Mapping[str, Sequence[LocalImage]]],
    *,
    is_known: Callable[[str], bool],
    built: Collection[str] = (),
    others: Collection[str] = (),
) -> list[str]:
    """Remove the names of older commits' images in the repositories of these images; return lines that say which.

    ``stored`` returns the store's images, or raises. ``is_known`` returns whether this clone has a commit. ``built``
    are the ids of this run's images, which stay, unless ``keep`` is 0; ``others`` are those of builds that another
    project's push is to come for. Names that somebody else or another project gave, and images that a container or
    another run uses, are left alone. An engine that doesn't answer is no error: the images are built or published.
    """
    of_repository = {image.repository: image for image in images}
    try:
        found = stored()
        stale: dict[str, tuple[str, ...]] = {}
        for repository, image in of_repository.items():
            items = [replace(item, used=item.used or item.id in others) for item in found.get(repository, ())]
            stale[repository] = stale_names(items, image, keep, built, is_known)
        removed: set[str] = set()
        for names in _in_rows(set().union(*stale.values()), found.values()):
            removed.update(docker.remove_names(names))
    except EcrTasksError as error:
        return [f"{name_some([*of_repository])}: older local names are not removed: {error.cause}"]
    lines = [
        _line(repository, [name for name in some if name in removed], keep)
        for repository, some in stale.items()
        if not removed.isdisjoint(some)
    ]
    return together(lines) if len(lines) > FEW else lines


def _in_rows(names: Collection[str], stored: Iterable[Sequence[LocalImage]]) -> list[list[str]]:
    """Return names in rows, in each of which every image has one at most, and as many as can be their last one.

    docker looks for containers of an image only with its last name, and so these must not go at the same time. What
    goes with the last names of many images is collected at once.
    """
    of_image = {item.id: item.names for items in stored for item in items}
    stale = [[name for name in some if name in names] for some in of_image.values()]
    rows = zip_longest(*(reversed(some) for some in stale))
    return [[name for name in row if name is not None] for row in rows][::-1]


def _line(repository: str, removed: Sequence[str], keep: int) -> str:
    word = "name" if len(removed) == 1 else "names"
    tags = list(dict.fromkeys(name.rpartition(":")[2] for name in removed))
    return f"{repository}: removed {len(removed)} older local {word} (ECR_KEEP_LOCAL={keep}): {short_tags(tags)}"
