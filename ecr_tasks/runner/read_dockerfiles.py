"""Let the builder read the Dockerfiles of a plan, for tasks that say what a build would do and build nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.console import warn, working
from ecr_tasks.errors import BuildError, EcrTasksError, LostBuild, NoAnswer
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.plan.batches import MOST
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.runner.base_places import placed_images
from ecr_tasks.runner.job import Job
from ecr_tasks.source.build_context.walk import fetches_context

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


ERRORS = 8
"""How many images that can't be built are looked for: the builder is asked once more for each."""


def unreadable_dockerfiles(run: Run, images: Iterable[Image]) -> Iterator[Conflict]:
    """Let the builder read the Dockerfiles of images, and yield those that can't be built, the first few of many.

    What docker would fetch for it is left to the build. Base images are read where the build reads them. Raises the
    error for what is about no image of several.
    """
    definitions: dict[str, BuildDefinition] = {}
    for image in images:
        for number, item in enumerate(image.definition.with_links()):
            placed = replace(item, contexts=item.all_contexts, bases={})
            if not fetches_context(item) and placed not in definitions.values():
                definitions[f"{image.name} {number}" if number else image.name] = placed
    left = ERRORS
    names = [*definitions]
    for first in range(0, len(names), MOST):
        batch = {name: definitions[name] for name in names[first : first + MOST]}
        while batch and left:
            try:
                run.docker.read_dockerfiles(batch, run.settings.builder)
                break
            except EcrTasksError as error:
                about = list(batch) if len(batch) == 1 else [name for name in error.about if name in batch]
                if not about or isinstance(error, (NoAnswer, LostBuild)):
                    raise
                left -= 1
                for name in about:
                    del batch[name]
                yield Conflict(about[0].partition(" ")[0], error)


def read_dockerfiles(run: Run, images: Sequence[Image]) -> None:
    """Let the builder read the Dockerfiles of images. Raises the error of one that can't be built, with its name."""
    for conflict in unreadable_dockerfiles(run, images):
        error = conflict.error
        named = f"{conflict.image}: " if len(images) > 1 else ""
        raise type(error)(f"{named}{error.cause}", error.remedy) from error


def with_unreadable_dockerfiles(run: Run, job: Job) -> Job:
    """Return a job with what the builder can't build among its plan's conflicts, where it answers in time.

    What else is in the way of a build comes first: the builder would only say it in other words.
    """
    plan = job.plan
    images = [item.image for item in plan.images if item.build_needed]
    engine_fails = any(isinstance(item.error, BuildError) for item in plan.conflicts)
    if not images or run.dry or job.obstacles or engine_fails:
        return job
    found: list[Conflict] = []
    try:
        with working("asking the builder to read the Dockerfiles"):
            # Caches are neither read nor written for it, so that it needs no token for them.
            placed = placed_images(run, images)
            definitions = [item for image in placed for item in image.definition.without_caches().with_links()]
            run.logins.log_in_for_builds(definitions, run.engine)
            for conflict in unreadable_dockerfiles(run, placed):
                found.append(conflict)
    except (NoAnswer, LostBuild):  # a builder that loses one of many says nothing about its Dockerfile
        pass
    except EcrTasksError as error:
        found.append(Conflict(images[0].name, error))
    if not found:
        return job
    if len(found) == ERRORS:
        warn(f"{ERRORS} images can't be built; the builder was not asked whether the others can.")
    places = {image.name: place for place, image in enumerate(images)}
    found.sort(key=lambda conflict: places[conflict.image])
    return replace(job, plan=replace(plan, conflicts=(*found, *plan.conflicts)), obstacles=tuple(found))
