"""The places that this run's builds read their base images from, by the settings and the account's own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn, working
from ecr_tasks.errors import EcrTasksError

if TYPE_CHECKING:
    from ecr_tasks.execute.base_places import Ask
    from ecr_tasks.model.image import Image
    from ecr_tasks.model.mirror import Mirror
    from ecr_tasks.plan.planned_image import PlannedImage
    from ecr_tasks.runner.job import Job
    from ecr_tasks.runner.run import Run


def ask(run: Run) -> Ask:
    """Return a function that asks registries for digests, with this run's logins."""
    from ecr_tasks.execute.base_places import asking

    return asking(run.docker, run.settings.builder, run.logins.log_in, run.retrier)


def mirrors(run: Run) -> tuple[Mirror, ...]:
    """Return the settings' mirrors, then the registry's pull-through cache rules where the settings want them.

    Without the rights or the credentials to read the rules, images come from their own registries, with a warning.
    """
    if not run.settings.pull_through:
        return run.settings.mirrors
    try:
        rules = run.private_registry.cache_rules()
    except EcrTasksError as error:
        warn(f"Base images come from their own registries and not through ECR (ECR_PULL_THROUGH): {error.cause}")
        return run.settings.mirrors
    if not rules:
        warn("ECR_PULL_THROUGH is set, and the registry has no pull-through cache rule.")
    return (*run.settings.mirrors, *rules)


def placed_images(run: Run, images: Sequence[Image], *, pull: bool = False) -> tuple[Image, ...]:
    """Return images on base images as the mirrors and the rules have them, with ``pull`` on those of now."""
    if not (pull or run.settings.mirrors or run.settings.pull_through):
        return tuple(images)
    from ecr_tasks.execute.base_places import places_of_bases
    from ecr_tasks.runner.images import builder_platform
    from ecr_tasks.source.bases import full_references, with_base_annotations, with_digests, without_digest

    builder = cache(partial(builder_platform, run))
    references = {reference for image in images for reference in full_references(image.definition, builder)}
    with working("looking for the base images"):
        places = places_of_bases(references, mirrors(run), ask(run), say, run.retrier, pull=pull)
    for reference, (place, digest) in places.items():
        if place != (name := without_digest(reference)):
            say(f"{name} is read from {place}, {digest}")
    definitions = [with_digests(image.definition, places, builder) for image in images]
    return tuple(
        replace(image, definition=with_base_annotations(definition, builder))
        for image, definition in zip(images, definitions, strict=True)
    )


def place_bases(run: Run, job: Job, items: Sequence[PlannedImage]) -> tuple[Job, list[PlannedImage]]:
    """Return the job and the images to build, on base images as --pull, the mirrors and the rules have them."""
    images = {image.name: image for image in placed_images(run, [item.image for item in items], pull=job.fresh.pull)}
    placed = [replace(item, image=images[item.image.name]) for item in items]
    by_name = {item.image.name: item for item in placed}
    plan = replace(job.plan, images=tuple(by_name.get(item.image.name, item) for item in job.plan.images))
    every = tuple(
        replace(image, definition=images[image.name].definition) if image.name in images else image
        for image in job.images
    )
    return replace(job, images=every, plan=plan), placed
