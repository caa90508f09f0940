"""Remove the local image names that earlier runs left (ECR_KEEP_LOCAL)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import short_tags
from ecr_tasks.model.ports import Docker
from ecr_tasks.plan.local_names import could_be_stale, stale_names


def tidy_local_names(
    images: Sequence[Image],
    keep: int,
    docker: Docker,
    say: Callable[[str], None],
    *,
    is_known: Callable[[str], bool],
    built: Collection[str] = (),
    others: Collection[str] = (),
) -> None:
    """Remove the names of older commits' images in the repositories of these images, and say which.

    ``is_known`` returns whether this clone has a commit. ``built`` are the ids of this run's images, which stay,
    unless ``keep`` is 0; ``others`` are those of builds that another project's push is to come for. Names that
    somebody else or another project gave, and images that a container or another run uses, are left alone. An engine
    that doesn't answer is no error: the images are built or published.
    """
    for image in images:
        repository = image.repository
        try:
            names = docker.local_names(repository)
            if not could_be_stale(names, repository, keep):
                continue
            stored = [replace(item, used=item.used or item.id in others) for item in docker.local_images(names)]
            removed = docker.remove_names(stale_names(stored, image, keep, built, is_known))
        except EcrTasksError as error:
            say(f"{repository}: older local names are not removed: {error.cause}")
            continue
        if removed:
            word = "name" if len(removed) == 1 else "names"
            tags = list(dict.fromkeys(name.rpartition(":")[2] for name in removed))
            say(
                f"{repository}: removed {len(removed)} older local {word} (ECR_KEEP_LOCAL={keep}): {short_tags(tags)}"
            )
