"""Upload an image under a tag that only uploads have, so that docker's push sets no tag that matters.

docker pushes no digest ("cannot push a digest reference"), and sets the tag at the end of an upload that may take
minutes. Where ECR doesn't lock the tag, it would move from the image that another run has published meanwhile.

All runs that publish a tag upload under the same other tag, which so tells whose turn it is: ECR can't set a tag only
where there is none, and of two runs that look at the same moment and find none, both would set it. Here a run sets it
only while the other tag still has its own image. The run that has lost that tag waits for the other one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from ecr_tasks.errors import AwsError, EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.set_tags import free_tags
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.tag_states import PlannedTag

UPLOAD_TAG = "ecr-tasks-upload-"
"""The beginning of the tags that exist only during an upload."""

ATTEMPTS = 5
POLL_SECONDS = 0.5
TURN_SECONDS = 20
"""How long a run waits for one that uploads the same tag: by then that has only to set it, or was killed."""


def can_upload_apart(repository: Repository, registry: Registry, docker: Docker) -> bool:
    """Return whether the tag of an upload would leave no trace, and remove those that killed runs have left.

    It takes ecr:BatchDeleteImage to remove it, which not everybody who pushes has, and ECR's own replication would
    copy it to other registries, where it would stay.
    """
    if registry.replicates_to(repository.name):
        return False
    begin = f"{repository.uri}:{UPLOAD_TAG}"
    left = [name.rpartition(":")[2] for name in docker.left_names if name.startswith(begin)]
    try:
        for tag in left or [f"{UPLOAD_TAG}{secrets.token_hex(8)}"]:  # a missing tag is no error
            registry.untag(repository, tag)
    except AwsError:
        return False
    return True


def upload_apart(
    item: PlannedTag,
    built: Built,
    repository: Repository,
    docker: Docker,
    registry: Registry,
    warn: Callable[[str], None],
) -> StoredImage:
    """Push a build under another tag, set the planned tag by API, remove the other one, and return the stored image.

    Raises Refused when another image gets the planned tag meanwhile, and RegistryError when ECR has another image
    than was built.
    """
    name = f"{UPLOAD_TAG}{sha256_digest(item.tag.name).removeprefix('sha256:')[:16]}"
    reference = f"{repository.uri}:{name}"
    digest = built.digest
    try:
        for _ in range(ATTEMPTS):
            image = _push(built, reference, docker, registry, repository, name)
            if image is not None and built.is_stored_as(image):
                digest = image.digest
                existing = dict(registry.tag_digests(repository, [name, item.tag.name]))
                uploaded = existing.pop(name, None)
                if not free_tags([item], existing, digest, repository):
                    return image
                if uploaded == digest:
                    registry.set_tag(repository, image, item.tag.name)
                    return image
            _wait_for_turn(item, built, repository, registry, name)
    finally:
        try:
            if digest is None:
                left = registry.image(repository, name)
                digest = left.digest if left is not None and built.is_stored_as(left) else None
            if digest is not None:
                registry.untag(repository, name, digest)
        except EcrTasksError as error:
            warn(f"{reference}, which was for the upload only, is not removed: {error.cause}")
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


def _wait_for_turn(item: PlannedTag, built: Built, repository: Repository, registry: Registry, name: str) -> None:
    """Wait until the run that uploads the same tag has ended. Raises Refused when it has published its image.

    What a killed run has left, which ECR may lock, is removed in the end.
    """
    other = None
    for _ in range(int(TURN_SECONDS / POLL_SECONDS)):
        existing = dict(registry.tag_digests(repository, [name, item.tag.name]))
        current = existing.pop(name, None)
        free_tags([item], existing, built.id, repository)
        other = other or current
        if current is None or current != other:
            return
        time.sleep(POLL_SECONDS)
    if other is not None:
        registry.untag(repository, name, other)
