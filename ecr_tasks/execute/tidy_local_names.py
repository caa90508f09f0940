"""Remove the local image names that earlier runs left (ECR_KEEP_LOCAL)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import short_tags
from ecr_tasks.model.ports import Docker
from ecr_tasks.model.wording import FEW, name_some, together
from ecr_tasks.plan.local_names import stale_candidates, stale_names


def tidy_local_names(
    images: Sequence[Image],
    keep: int,
    docker: Docker,
    *,
    is_known: Callable[[str], bool],
    built: Collection[str] = (),
    others: Collection[str] = (),
) -> list[str]:
    """Remove the names of older commits' images in the repositories of these images; return lines that say which.

    ``is_known`` returns whether this clone has a commit. ``built`` are the ids of this run's images, which stay,
    unless ``keep`` is 0; ``others`` are those of builds that another project's push is to come for. Names that
    somebody else or another project gave, and images that a container or another run uses, are left alone. An engine
    that doesn't answer is no error: the images are built or published. docker is asked once about all images.
    """
    of_repository = {image.repository: image for image in images}
    try:
        names = docker.local_names([*of_repository])
        candidates = {repository: stale_candidates(names, repository, keep) for repository in of_repository}
        if not any(candidates.values()):
            return []
        stored = [
            replace(item, used=item.used or item.id in others)
            for item in docker.local_images(sorted(set().union(*candidates.values())))
        ]
        stale = {
            repository: stale_names([item for item in stored if item.id in ids], image, keep, built, is_known)
            for (repository, image), ids in zip(of_repository.items(), candidates.values(), strict=True)
        }
        removed = set(docker.remove_names([name for some in stale.values() for name in some]))
    except EcrTasksError as error:
        return [f"{name_some([*of_repository])}: older local names are not removed: {error.cause}"]
    lines = [
        _line(repository, [name for name in some if name in removed], keep)
        for repository, some in stale.items()
        if not removed.isdisjoint(some)
    ]
    return together(lines) if len(lines) > FEW else lines


def _line(repository: str, removed: Sequence[str], keep: int) -> str:
    word = "name" if len(removed) == 1 else "names"
    tags = list(dict.fromkeys(name.rpartition(":")[2] for name in removed))
    return f"{repository}: removed {len(removed)} older local {word} (ECR_KEEP_LOCAL={keep}): {short_tags(tags)}"
