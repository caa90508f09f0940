"""API operations that read and write single images: put, get, delete."""

from __future__ import annotations

import re

from .. import archive, pull_times, replication_rules
from .. import put_image as store_image
from ..errors import EcrError
from ..manifests import MAX_BYTES
from ..names import DIGEST_PATTERN, TAG_PATTERN, is_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository
    from .params import Params


# ECR's sentence about a digest names it (github.com/getmoto/moto, tests/test_ecr): a digest of any algorithm.
_REQUESTED_DIGEST = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"


class ImageFailure(EcrError):
    """The reason why one image of a batch failed; ``name`` is the model's ImageFailureCode."""


def find(registry: Registry, repository: Repository, image_id: Params) -> tuple[Image, str | None]:
    """Return the image of an ImageIdentifier, and the identifier's tag. Raises ImageFailure.

    A tag that isn't there is an image that isn't, whatever the digest (github.com/getmoto/moto, tests/test_ecr).
    """
    digest = image_id.optional_text("imageDigest")
    tag = image_id.optional_text("imageTag")
    if digest is None and tag is None:
        raise ImageFailure("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
    if digest is not None and re.fullmatch(_REQUESTED_DIGEST, digest) is None:
        reason = f"Invalid request parameters: image digest should satisfy the regex '{_REQUESTED_DIGEST}'"
        raise ImageFailure("InvalidImageDigest", reason)
    if tag is not None and not is_tag(tag):
        reason = f"Invalid request parameters: image tag should satisfy the regex '{TAG_PATTERN}'"
        raise ImageFailure("InvalidImageTag", reason)
    images = registry.store.images
    image = images.find(repository, digest=digest) if tag is None else images.find(repository, tag=tag)
    if image is None:
        raise ImageFailure("ImageNotFound", "Requested image not found")
    if digest not in (None, image.digest):
        reason = "Invalid request parameters: given tag does not map to the given digest"
        raise ImageFailure("ImageTagDoesNotMatchDigest", reason)
    return image, tag


def get(registry: Registry, repository: Repository, image_id: Params) -> tuple[Image, str | None]:
    """Return the same as ``find``. Raises ImageNotFoundException, InvalidParameterException."""
    try:
        return find(registry, repository, image_id)
    except ImageFailure as failure:
        if failure.name not in ("ImageNotFound", "ImageTagDoesNotMatchDigest"):
            raise EcrError("InvalidParameterException", failure.message) from None
        raise EcrError(
            "ImageNotFoundException",
            f"The image with imageId {as_text(image_id)} does not exist within the {repository.sentence}",
        ) from None


def as_text(image_id: Params) -> str:
    """Return an ImageIdentifier as ECR's messages have it."""
    members = (f"{name}:'{image_id.optional_text(name) or 'null'}'" for name in ("imageDigest", "imageTag"))
    return f"{{{', '.join(members)}}}"


def image_id(digest: str, tag: str | None) -> dict[str, str]:
    """Return an ImageIdentifier."""
    return {"imageDigest": digest} if tag is None else {"imageDigest": digest, "imageTag": tag}


def _image(repository: Repository, image_id: dict[str, str], manifest: str, media_type: str) -> dict[str, Any]:
    """Return an Image, in the shape of the API model."""
    members = {"imageId": image_id, "imageManifest": manifest, "imageManifestMediaType": media_type}
    return {**repository.members, **members}


def put_image(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutImage."""
    repository = params.repository(registry)
    text = params.text("imageManifest", minimum=1, maximum=MAX_BYTES)
    media_type = params.optional_text("imageManifestMediaType")
    tag = params.optional_text("imageTag", minimum=1, maximum=300, pattern=TAG_PATTERN)
    digest = params.optional_text("imageDigest", pattern=DIGEST_PATTERN)
    digest, manifest, changed = store_image.put_image(
        registry, repository, text.encode(), media_type=media_type, digest=digest, tags=None if tag is None else [tag]
    )
    if not changed:
        tag_text = "" if tag is None else f" and tag '{tag}'"
        raise EcrError(
            "ImageAlreadyExistsException",
            f"Image with digest '{digest}'{tag_text} already exists in the repository with name "
            f"'{repository.name}' in registry with id '{registry.account}'",
        )
    return {"image": _image(repository, image_id(digest, tag), text, manifest.media_type)}


def batch_get_image(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer BatchGetImage. A manifest is never translated: one of a type that is not accepted is a failure.

    It counts as a pull of each image that it returns (github.com/aws/containers-roadmap, issue 2390).
    """
    repository = params.repository(registry)
    accepted = params.texts("acceptedMediaTypes", 1, 100) if params.has("acceptedMediaTypes") else None
    images, failures = [], []
    for item in params.image_ids():
        try:
            image, tag = find(registry, repository, item)
            if accepted is not None and image.media_type not in accepted:
                raise ImageFailure(
                    "ImageNotFound",
                    f"Requested image has the media type {image.media_type}, which is not among "
                    "acceptedMediaTypes; the local ECR does not translate manifests",
                )
            if not archive.is_active(registry, image):
                raise ImageFailure("ImageInaccessible", "Requested image is archived and can't be pulled")
        except ImageFailure as failure:
            failures.append(_failure(item, failure))
            continue
        text = registry.store.images.raw(image).decode()
        images.append(_image(repository, image_id(image.digest, tag), text, image.media_type))
        pull_times.record(registry, image, params.caller)
    return {"images": images, "failures": failures}


def batch_delete_image(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer BatchDeleteImage: a digest deletes the image; a tag is removed, and its image with the last tag."""
    repository = params.repository(registry)
    deleted: list[dict[str, str]] = []
    gone: list[tuple[str, str | None]] = []
    failures = []
    for item in params.image_ids():
        try:
            with registry.store.db.transaction():
                image, tag = find(registry, repository, item)
                if tag is not None and image.tags != [tag]:
                    registry.store.images.untag(repository, tag)
                    deleted.append(image_id(image.digest, tag))
                    gone.append((image.digest, tag))
                    continue
                registry.store.images.delete(repository, image)
                deleted += [image_id(image.digest, name) for name in image.tags] or [image_id(image.digest, None)]
                gone.append((image.digest, None))
        except EcrError as error:
            failures.append(_failure(item, error))
    replication_rules.delete_copies(registry, repository.name, gone)
    return {"imageIds": deleted, "failures": failures}


def update_image_storage_class(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer UpdateImageStorageClass."""
    repository = params.repository(registry)
    storage_class = params.text("targetStorageClass", choices=("STANDARD", "ARCHIVE"))
    image, tag = get(registry, repository, params.structure("imageId", required=True))
    if storage_class == "ARCHIVE":
        archive.archive(registry, repository, image)
    else:
        archive.restore(registry, image)
    status = archive.States(registry).of(image).status
    return {**repository.members, "imageId": image_id(image.digest, tag), "imageStatus": status}


def _failure(item: Params, error: EcrError) -> dict[str, Any]:
    """Return an ImageFailure of a batch operation, in the shape of the API model."""
    return {"imageId": item.identity(), "failureCode": error.name, "failureReason": error.message}
