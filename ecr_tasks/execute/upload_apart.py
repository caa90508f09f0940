"""Upload an image under a tag that only uploads have, so that docker's push sets no tag that matters.

docker pushes no digest ("cannot push a digest reference"), and sets the tag at the end of an upload that may take
minutes. Where ECR doesn't lock the tag, it would move from the image that another run has published meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.built_manifest import with_manifest
from ecr_tasks.execute.set_tags import free_tags
from ecr_tasks.execute.turns import (
    ATTEMPTS,
    can_take_turns,
    remove_turn,
    turn_tag,
    wait_before_look,
    wait_for_turn,
)
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.tag_states import PlannedTag


def can_upload_apart(repository: Repository, registry: Registry, docker: Docker) -> bool:
    """Return whether the tag of an upload would leave no trace, and remove those that killed runs have left."""
    begin = f"{repository.uri}:{TURN_TAG}"
    left = [name.rpartition(":")[2] for name in docker.left_names if name.startswith(begin)]
    return can_take_turns(repository, registry, left)


def upload_apart(
    item: PlannedTag,
    built: Built,
    repository: Repository,
    docker: Docker,
    registry: Registry,
    warn: Callable[[str], None],
) -> StoredImage:
    """Push a build under the tag of the turns, set the planned tag by API, and return the stored image.

    Raises Refused when another image gets the planned tag meanwhile, and RegistryError when ECR has another image
    than was built.
    """
    name = turn_tag(item)
    reference = f"{repository.uri}:{name}"
    digest = built.digest
    try:
        for _ in range(ATTEMPTS):
            image = _push(built, reference, docker, registry, repository, name)
            pushed = time.monotonic()
            if image is not None:
                image = with_manifest(image, built.record, repository, docker, registry)
            if image is not None and built.is_stored_as(image):
                digest = image.digest
                wait_before_look(pushed)
                existing = registry.tag_digests(repository, [item.tag.name])
                if not free_tags([item], existing, digest, repository):
                    return image
                if registry.tag_digests(repository, [name]).get(name) == digest:
                    registry.set_tag(repository, image, item.tag.name)
                    return image
            wait_for_turn(item, built.id, repository, registry)
    finally:
        if digest is None:
            with suppress(EcrTasksError):
                left = registry.image(repository, name)
                left = registry.read(repository, left) if left is not None else None
                digest = left.digest if left is not None and built.is_stored_as(left) else None
        if digest is not None:
            remove_turn(name, digest, repository, registry, warn)
    stored = image.digest if image else "nothing"
    raise RegistryError(f"ECR holds {stored} after the push of {built.id}.", "Run it again.")


def _push(
    built: Built, reference: str, docker: Docker, registry: Registry, repository: Repository, name: str
) -> StoredImage | None:
    """Push the build and return the image that ECR has by then; None when another upload has the tag, locked."""
    docker.tag_for_run(built.image_id or built.digest or "", reference)
    try:
        docker.push(reference)
    except Refused:
        return None
    return registry.image(repository, name)
