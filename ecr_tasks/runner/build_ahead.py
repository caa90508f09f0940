"""Begin the build of a push before the registries are asked, where it is most likely needed.

To resolve credentials and to ask ECR takes as long as many a build; of a plain one, the answers decide only whether
it is needed. Until then it shows nothing, and what it makes has no name but the run's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.plan.cache import NO_CACHES, caches_of
from ecr_tasks.plan.other_client import DOCKER
from ecr_tasks.plan.plan import depends_on_engine, plan_image
from ecr_tasks.runner import receipt_file

if TYPE_CHECKING:
    from ecr_tasks.checks.before_build import Checked
    from ecr_tasks.execute.build_ahead import BuildAhead
    from ecr_tasks.execute.prove_unchanged import Difference
    from ecr_tasks.model.image import Image
    from ecr_tasks.plan.planned_image import PlannedImage
    from ecr_tasks.runner.run import Run


@dataclass(frozen=True)
class Ahead:
    """A build that has begun, and the image as it was looked at before that."""

    build: BuildAhead
    checked: Checked


def begin_ahead(
    run: Run, images: Sequence[Image], last: Mapping[str, str | None], difference: Difference
) -> Ahead | None:
    """Begin to build an image; return None where something is in the way, or registries may decide how it is built.

    Also where this project's folder tells that it needs no build: its last one had the same inputs, or git proves
    that by ``difference`` from ``last``, the commits of what was published from here, by image. Of several images it
    is the only one of which that is not proved.
    """
    if run.settings.skip == "content":
        return None
    try:
        image = _changed_image(run, images, last, difference)
        if image is None or _is_built(run, image):
            return None
        item = _item_to_build(run, image)
        checked = _checked(run, item) if item else None
    except EcrTasksError:
        return None  # which the plan says, or the build
    if checked is None:
        return None
    from ecr_tasks.execute.build import build_inputs
    from ecr_tasks.execute.build_ahead import BuildAhead

    build = BuildAhead(build_inputs(checked.image, "store", ()), run.docker, run.settings.builder)
    run.before_end(build.discard)
    return Ahead(build, checked)


def _changed_image(
    run: Run, images: Sequence[Image], last: Mapping[str, str | None], difference: Difference
) -> Image | None:
    """Return the only image that may differ from what was published from here; None where there are others."""
    if run.settings.skip == "commit":
        if len(images) > 1 and not all(last.values()):
            return None
        differing = (image for image in images if image.dirty or _differs(image, last[image.name], difference))
        changed = [*islice(differing, 2)]
    else:
        changed = [*images]
    return changed[0] if len(changed) == 1 else None


def _differs(image: Image, last: str | None, difference: Difference) -> bool:
    return last is None or difference(image.definition, last) is not None


def _is_built(run: Run, image: Image) -> bool:
    """Return whether the image's last build here had the same inputs."""
    from ecr_tasks.execute.earlier_builds import build_key

    built = receipt_file.last_built(run.project, {image.name: image.repository}).get(image.name)
    return built is not None and built.key is not None and built.key == build_key(image.definition, run.source)


def _item_to_build(run: Run, image: Image) -> PlannedImage | None:
    """Return what is planned for an image, or None where registries or the engine decide how it is built."""
    settings, source = run.settings, run.source
    if settings.client != DOCKER or settings.mirrors or settings.pull_through or settings.emulation == "install":
        return None
    if image.whole is not None or caches_of(settings, source) != NO_CACHES:
        return None
    item = plan_image(image, source, None, create_repository=settings.create_repository, skip=settings.skip)
    if depends_on_engine(item) or run.builds_elsewhere():
        return None
    return None if run.logins.may_log_in(list(image.definition.with_links())) else item


def _checked(run: Run, item: PlannedImage) -> Checked | None:
    """Look at what would be built; return None where something is in the way."""
    from ecr_tasks.checks.before_build import Checked, obstacles

    notes: list[str] = []
    found = obstacles([item], [], run.settings, run.source, os.environ, None, promises=False, note=notes.append)
    return None if found else Checked(item.image, tuple(notes))
