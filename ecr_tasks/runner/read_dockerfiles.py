"""Let the builder read the Dockerfiles of a plan, for tasks that say what a build would do and build nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.console import working
from ecr_tasks.errors import BuildError, EcrTasksError, LostBuild, NoAnswer
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.plan.batches import MOST
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.runner.base_places import placed_images
from ecr_tasks.runner.job import Job
from ecr_tasks.source.build_context.walk import fetches_context

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


def read_dockerfiles(run: Run, images: Iterable[Image]) -> None:
    """Let the builder read the Dockerfiles of images. Raises BuildError for one that can't be built.

    What docker would fetch for it is left to the build. Base images are read where the build reads them.
    """
    definitions: list[BuildDefinition] = []
    for item in (item for image in images for item in image.definition.with_links()):
        if not fetches_context(item):
            placed = replace(item, contexts=item.all_contexts, bases={})
            definitions += [placed] if placed not in definitions else []
    for first in range(0, len(definitions), MOST):
        run.docker.read_dockerfiles(definitions[first : first + MOST], run.settings.builder)


def with_unreadable_dockerfiles(run: Run, job: Job) -> Job:
    """Return a job with what the builder can't build among its plan's conflicts, where it answers in time.

    What else is in the way of a build comes first: the builder would only say it in other words.
    """
    plan = job.plan
    images = [item.image for item in plan.images if item.build_needed]
    engine_fails = any(isinstance(item.error, BuildError) for item in plan.conflicts)
    if not images or run.dry or job.obstacles or engine_fails:
        return job
    try:
        with working("asking the builder to read the Dockerfiles"):
            # Caches are neither read nor written for it, so that it needs no token for them.
            placed = placed_images(run, images)
            definitions = [item for image in placed for item in image.definition.without_caches().with_links()]
            run.logins.log_in_for_builds(definitions, run.engine)
            read_dockerfiles(run, placed)
    except (NoAnswer, LostBuild):  # a builder that loses one of many says nothing about its Dockerfile
        return job
    except EcrTasksError as error:
        conflict = Conflict(images[0].name, error)
        return replace(job, plan=replace(plan, conflicts=(conflict, *plan.conflicts)), obstacles=(conflict,))
    return job
