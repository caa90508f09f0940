"""Build planned images and record the results, so that exactly those are pushed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import BuildDefinition, BuildInput, Image, Keep
from ecr_tasks.model.manifest import short_digest
from ecr_tasks.model.ports import Docker
from ecr_tasks.model.receipt import Built
from ecr_tasks.plan.plan import PlannedImage
from ecr_tasks.source.source_state import SourceState


def build(
    images: Sequence[Image],
    source: SourceState,
    docker: Docker,
    *,
    builder: str | None,
    keep: Mapping[str, Keep],
    references: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Built]:
    """Build all images in one bake and give them their local names, ``repository:tag``.

    ``references`` are additional registry names, by image name; only for images whose push lock this run holds.
    Returns the results by image name. Raises BuildError with the failing step.
    """
    began = time.monotonic()
    inputs = [_input(image, keep[image.name], references.get(image.name)) for image in images]
    results = docker.build(inputs, builder)
    seconds = round(time.monotonic() - began, 3)
    return {
        image.name: Built(
            image.name,
            build_key(image.definition, source),
            results[image.name].digest,
            results[image.name].image_id,
            results[image.name].platforms,
            keep[image.name],
            seconds,
            references.get(image.name),
        )
        for image in images
    }


def reuse_earlier_builds(
    items: Sequence[PlannedImage],
    earlier: Mapping[str, Built],
    source: SourceState,
    docker: Docker,
    say: Callable[[str], None],
) -> dict[str, Built]:
    """Return the earlier builds, by image name, that have the same inputs as now and still exist."""
    builds = {}
    for item in items:
        built = earlier.get(item.image.name)
        if built is None or not item.build_needed:
            continue
        # The earlier build may be the published image itself; before --republish, it may be the one to publish.
        is_new = item.makes_revision and item.published and built.digest not in (None, item.published.digest)
        if item.rebuilds and item.published is not None and not is_new:
            continue
        key = build_key(item.image.definition, source)
        if key is not None and built.key == key and still_exists(built, docker):
            say(f"{built.name}: built before, {short_digest(built.digest or built.image_id)}")
            builds[built.name] = built
    return builds


def still_exists(built: Built, docker: Docker) -> bool:
    """Return whether an earlier build can still be pushed; a result that a builder keeps always can."""
    if built.image_id is None:
        return True
    try:
        return docker.image_id(built.image_id) == built.image_id
    except EcrTasksError:
        return False


def build_key(definition: BuildDefinition, source: SourceState) -> str | None:
    """Return a digest of everything that a build depends on; None without version control.

    Builds with equal keys have equal inputs. Build arguments are hashed, so that the key may be stored in a file.
    """
    if source.fingerprint is None:
        return None
    document = {"definition": asdict(definition.without_caches()), "source": source.fingerprint}
    text = json.dumps(document, sort_keys=True, default=dict)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _input(image: Image, keep: Keep, reference: str | None) -> BuildInput:
    names = tuple(f"{image.repository}:{tag.name}" for tag in image.tags)
    return BuildInput(image.name, image.definition, (*names, reference) if reference else names, keep)
