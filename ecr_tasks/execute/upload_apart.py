"""Upload an image under a tag that only uploads have, so that docker's push sets no tag that matters.

docker pushes no digest ("cannot push a digest reference"), and sets the tag at the end of an upload that may take
minutes. Where ECR doesn't lock the tag, it would move from the image that another run has published meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial

from ecr_tasks.clients.parallel import begin
from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.built_manifest import push_with_manifest
from ecr_tasks.execute.set_tags import digests_of, free_tags
from ecr_tasks.execute.turns import (
    ATTEMPTS,
    can_take_turns,
    has_turn,
    look_at_turns,
    remove_turn,
    turn_tag,
    wait_before_look,
    wait_for_turn,
)
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.tag_states import PlannedTag


def can_upload_apart(repository: Repository, registry: Registry, docker: Docker) -> bool:
    """Return whether the tag of an upload would leave no trace, and remove those that killed runs have left."""
    beginning = f"{repository.uri}:{TURN_TAG}"
    left = [name.rpartition(":")[2] for name in docker.left_names if name.startswith(beginning)]
    return can_take_turns(repository, registry, left)


def upload_apart(
    item: PlannedTag,
    fixed: Sequence[PlannedTag],
    built: Built,
    repository: Repository,
    docker: Docker,
    registry: Registry,
    warn: Callable[[str], None],
    ends: ExitStack,
    beside: Callable[[], object],
) -> StoredImage:
    """Push a build under the tag of the turns, set the planned tag by API, and return the stored image.

    ``fixed`` are all the fixed tags that the image is to have, this one too. ``beside`` is called at the time that
    the tag is set, and ``ends`` waits for what is still under way. Raises Refused when another image gets one of the
    fixed tags meanwhile.
    """
    name = turn_tag(item)
    digest = built.digest
    try:
        for _ in range(ATTEMPTS):
            manifest = _push(built, name, repository, docker, registry)
            pushed = time.monotonic()
            if manifest is None:
                manifest = _stored_manifest(built, name, repository, registry)
            if manifest is not None:
                digest = sha256_digest(manifest)
                wait_before_look(pushed)
                with registry.permit(repository, 1):
                    found = look_at_turns(fixed, [item], repository, registry)
                    if item not in free_tags(fixed, digests_of(found), digest, repository):
                        return found[item.tag.name].with_manifest(manifest)
                    if has_turn(item, digest, found):
                        image = found[name].with_manifest(manifest)
                        looked = begin(beside)
                        registry.set_tag(repository, image, item.tag.name)
                        looked()
                        return image
            wait_for_turn(item, built.id, repository, registry)
    finally:
        if digest is None:
            with suppress(EcrTasksError):
                manifest = _stored_manifest(built, name, repository, registry)
                digest = sha256_digest(manifest) if manifest is not None else None
        if digest is not None:
            ends.callback(begin(partial(remove_turn, name, digest, repository, registry, warn)))
    raise RegistryError(
        f"Other runs set {item.tag.name} in {repository.uri} at the same time, and none of them has ended.",
        "Run it again.",
    )


def _push(built: Built, name: str, repository: Repository, docker: Docker, registry: Registry) -> str | None:
    """Push the build under a tag and return its manifest, if the builder has it.

    Does nothing where another upload has the tag and ECR locks it.
    """
    reference = f"{repository.uri}:{name}"
    docker.tag_for_run(built.image_id or built.digest or "", reference)
    with suppress(Refused):
        return push_with_manifest(reference, built, docker, registry)
    return None


def _stored_manifest(built: Built, name: str, repository: Repository, registry: Registry) -> str | None:
    """Return the manifest that ECR has under a tag, or None where it isn't the build's."""
    image = registry.image(repository, name)
    if image is None or (built.digest is not None and image.digest != built.digest):
        return None
    image = registry.read(repository, image)
    return image.manifest if built.is_stored_as(image) else None
