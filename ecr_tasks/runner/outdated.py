"""The planned images to build anew because their base image has moved, for a push that builds no others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecr_tasks.console import say, working
from ecr_tasks.errors import EcrTasksError

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


def outdated_images(run: Run, choice: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the images whose commit isn't published, or stands on a base image that has moved.

    ``choice`` are names, groups and patterns of some of the images (default: all). What an image doesn't say it
    stands on counts as moved. Raises the error of a base image whose registry doesn't answer.
    """
    from ecr_tasks.execute.base_places import digests_now
    from ecr_tasks.model.image import Fresh
    from ecr_tasks.plan.skip import same_commit
    from ecr_tasks.runner.base_places import ask, mirrors
    from ecr_tasks.runner.images import planned_images
    from ecr_tasks.source.bases import moving_base

    with working("looking for base images that have moved"):
        images = planned_images(run, Fresh(pull=True), choice)
        run.registry.connect()
        views = run.registry.describe({image.repository: image.tag_names for image in images})
        outdated: list[str] = []
        published = {}
        for image in images:
            view, base = views[image.repository], moving_base(image.definition)
            stored = same_commit(image, view, run.source) if view.repository else None
            if stored is None or view.repository is None:
                outdated.append(image.name)
            elif base is not None:
                stored = stored if stored.is_read else run.registry.read(view.repository, stored)
                published[image.name] = (base, stored.base)
        names = sorted({base for base, _ in published.values()})
        now = digests_now(names, mirrors(run), ask(run), say) if names else {}
    for name, (base, recorded) in published.items():
        current = now[base]
        if isinstance(current, EcrTasksError):
            raise current
        if recorded != (base, current):
            outdated.append(name)
    return tuple(image.name for image in images if image.name in outdated)
