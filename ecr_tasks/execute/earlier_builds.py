"""Reuse what an earlier run has built of the same inputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.manifest import IGNORED_FILES, short_digest
from ecr_tasks.model.receipt import Built
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Docker


def reuse_earlier_builds(
    items: Sequence[PlannedImage],
    earlier: Mapping[str, Built],
    source: SourceState,
    docker: Callable[[], Docker],
    say: Callable[[str], None],
) -> dict[str, Built]:
    """Return the earlier builds, by image name, that have the same inputs as now and still exist.

    ``docker`` is called only where an image is to be built. Say where the registry has another image of these
    inputs: it was published by another run, or by one that failed.
    """
    builds = {}
    for item in items:
        built = earlier.get(item.image.name)
        if built is None:
            continue
        if not item.build_needed:
            key = image_key(item.image, source)
            is_known = item.published is not None and (built.digest is not None or item.published.is_read)
            is_same = key is not None and built.key == key
            if item.published and is_known and is_same and not built.is_stored_as(item.published):
                say(
                    f"{built.name}: {item.published.digest} is published and stays so; it is not what was built "
                    f"here, {built.id}, which `inv build push --republish` would publish beside it"
                )
            elif item.published and is_same and item.image.referrers and built.is_stored_as(item.published):
                builds[built.name] = built  # its push may have ended before everything was attached
            continue
        # The earlier build may be the published image itself; before --republish, it may be the one to publish.
        is_new = item.makes_revision and item.published and built.digest not in (None, item.published.digest)
        if item.rebuilds and item.published is not None and not is_new:
            continue
        key = image_key(item.image, source)
        told = built.provenance or "provenance" not in item.image.referrer_kinds
        if key is not None and built.key == key and told and still_exists(built, docker()):
            say(f"{built.name}: built before, {short_digest(built.id)}")
            builds[built.name] = built
    return builds


def still_exists(built: Built, docker: Docker) -> bool:
    """Return whether an earlier build can still be pushed: the store has the image, or there is the builder.

    The store keeps the image until the end of the run.
    """
    try:
        if built.image_id is None:
            return bool(built.manifests) and docker.engine(built.builder).builder == built.builder
        docker.keep(built.image_id)
    except EcrTasksError:
        return False
    return True


def image_key(image: Image, source: SourceState) -> str | None:
    """Return a digest of everything that an image's build depends on; None where that can't be told."""
    return None if image.outside else build_key(image.definition, source)


def build_key(definition: BuildDefinition, source: SourceState) -> str | None:
    """Return a digest of everything that a build depends on; None without version control.

    Builds with equal keys have equal inputs, whatever they took anew. Build arguments are hashed, so that
    the key may be stored in a file.
    """
    if source.fingerprint is None:
        return None
    definition = definition.without_caches().without_fresh_options()
    # Files that git ignores are not in the fingerprint, either: they may come and go between `build` and `push`.
    labels, annotations = (
        {key: text for key, text in texts.items() if key != IGNORED_FILES}
        for texts in (definition.labels, definition.annotations)
    )
    definition = replace(definition, labels=labels, annotations=annotations)
    document = {"definition": asdict(definition), "source": source.fingerprint}
    text = json.dumps(document, sort_keys=True, default=dict)
    return sha256_digest(text)
