"""Which images are built in one bake: with hundreds of targets at once, builders slow down and lose builds.

buildx starts all targets of a bake at the same moment; with the docker driver some are lost then ("no such job",
docker/buildx#3810, docker/buildx#3486), and each costs more the more there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.plan.planned_image import PlannedImage

MOST = 40
"""How many targets are in one bake; the time for each is about the same up to here."""


def publishes_ahead(images: Sequence[PlannedImage], unbuilt: Sequence[PlannedImage]) -> bool:
    """Return whether the images of one bake are published while the next ones are built.

    Not where a repository is missing: it is created after the builds, of which none may fail for it to be needed, and
    then all locks are taken anew, in one order.
    """
    several = len(batches([item.image for item in unbuilt])) > 1
    return several and not any(item.creates_any_repository for item in images)


def batches(images: Sequence[Image], most: int | None = None) -> list[list[Image]]:
    """Return the images in batches of at most ``most`` targets, an image of several platforms counted as so many.

    Images that link to the same targets are in one batch if there is room, so that what they share is built once.
    Else the order stays.
    """
    most = most or MOST
    result: list[list[Image]] = []
    room = 0
    for related in _related(images):
        if related and sum(map(_targets, related)) > room and sum(map(_targets, related)) <= most:
            result.append([])
            room = most
        for image in related:
            if _targets(image) > room:
                result.append([])
                room = most
            result[-1].append(image)
            room -= _targets(image)
    return [batch for batch in result if batch]


def _targets(image: Image) -> int:
    return max(1, len(image.definition.platforms))


def _related(images: Sequence[Image]) -> list[list[Image]]:
    """Return the images in groups that share a target by a link, in the order of the first ones."""
    group_of: dict[str, list[Image]] = {}
    groups: list[list[Image]] = []
    for image in images:
        names = {image.name, *_linked(image.definition)}
        found = {id(group): group for name in names if (group := group_of.get(name)) is not None}
        joined = [member for group in groups if id(group) in found for member in group]
        groups = [group for group in groups if id(group) not in found]
        group = [*joined, image]
        groups.append(group)
        for member in group:
            group_of.update(dict.fromkeys((member.name, *_linked(member.definition)), group))
    position = {image.name: number for number, image in enumerate(images)}
    return sorted(groups, key=lambda group: position[group[0].name])


def _linked(definition: BuildDefinition) -> Iterator[str]:
    """Yield the names of the targets that a definition links to, at every depth."""
    for name, target in definition.linked.items():
        yield name
        yield from _linked(target)
