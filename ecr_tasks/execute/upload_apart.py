"""Upload an image under a tag of its own, which is removed again, so that docker's push sets no tag that matters.

docker pushes no digest ("cannot push a digest reference"), and sets the tag at the end of an upload that may take
minutes. Where ECR doesn't lock the tag and other commits may have it too, such as a version, it would move from the
image that another run has published meanwhile.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ecr_tasks.errors import AwsError, EcrTasksError, RegistryError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Registry
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository

UPLOAD_TAG = "ecr-tasks-upload-"
"""The beginning of the tags that exist only during an upload."""


def can_upload_apart(repository: Repository, registry: Registry) -> bool:
    """Return whether the tag of an upload would leave no trace.

    It takes ecr:BatchDeleteImage to remove it, which not everybody who pushes has, and ECR's own replication would
    copy it to other registries, where it would stay.
    """
    if registry.replicates_to(repository.name):
        return False
    try:
        registry.untag(repository, _new_tag())  # a missing tag is no error
    except AwsError:
        return False
    return True


@contextmanager
def uploaded_apart(
    built: Built, repository: Repository, docker: Docker, registry: Registry, warn: Callable[[str], None]
) -> Iterator[StoredImage]:
    """Push a build under a tag of its own and give the stored image; the tag is removed at the end.

    An image without another tag is removed with it. Raises RegistryError when ECR has another image than was built.
    """
    tag = _new_tag()
    reference = f"{repository.uri}:{tag}"
    try:
        docker.tag(built.image_id or built.digest or "", reference)
        docker.push(reference)
        image = registry.image(repository, tag)
        if image is None or not built.is_stored_as(image):
            stored = image.digest if image else "nothing"
            raise RegistryError(f"ECR holds {stored} after the push of {built.id}.", "Run it again.")
        yield image
    finally:
        try:
            registry.untag(repository, tag)
            docker.untag(reference)
        except EcrTasksError as error:
            warn(f"{reference}, which was for the upload only, is not removed: {error.cause}")


def _new_tag() -> str:
    return f"{UPLOAD_TAG}{secrets.token_hex(8)}"
