"""API operations that read and write single images: put, get, delete."""

from __future__ import annotations

from .. import put_image as store_image
from ..errors import EcrError
from ..manifests import MAX_BYTES
from ..names import DIGEST_PATTERN, TAG_PATTERN, is_digest, is_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository
    from .params import Params


class ImageFailure(Exception):
    """Why one image of a batch could not be handled, by the model's ImageFailureCode."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def find(registry: Registry, repository: Repository, image_id: Params) -> tuple[Image, str | None]:
    """Return the image of an ImageIdentifier, and the identifier's tag. Raises ImageFailure."""
    digest = image_id.optional_text("imageDigest")
    tag = image_id.optional_text("imageTag")
    if digest is None and tag is None:
        raise ImageFailure("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
    if digest is not None and not is_digest(digest):
        raise ImageFailure(
            "InvalidImageDigest", f"Invalid request parameters: image digest should satisfy '{DIGEST_PATTERN}'"
        )
    if tag is not None and not is_tag(tag):
        raise ImageFailure("InvalidImageTag", f"Invalid request parameters: image tag should satisfy '{TAG_PATTERN}'")
    images = registry.store.images
    image = images.find(repository, digest=digest, tag=tag)
    if image is not None:
        return image, tag
    if digest is not None and tag is not None and images.find(repository, digest=digest) is not None:
        raise ImageFailure("ImageTagDoesNotMatchDigest", "Requested image tag does not match the digest")
    raise ImageFailure("ImageNotFound", "Requested image not found")


def get(registry: Registry, repository: Repository, image_id: Params) -> tuple[Image, str | None]:
    """Return the same as ``find``. Raises ImageNotFoundException, InvalidParameterException."""
    try:
        return find(registry, repository, image_id)
    except ImageFailure as failure:
        if failure.code not in ("ImageNotFound", "ImageTagDoesNotMatchDigest"):
            raise EcrError("InvalidParameterException", failure.reason) from None
        identifier = ", ".join(
            f"{name}:'{image_id.optional_text(name) or 'null'}'" for name in ("imageDigest", "imageTag")
        )
        raise EcrError(
            "ImageNotFoundException",
            f"The image with imageId {{{identifier}}} does not exist within the repository with name "
            f"'{repository.name}' in the registry with id '{registry.account}'",
        ) from None


def image_id(image: Image, tag: str | None) -> dict[str, str]:
    """Return an ImageIdentifier."""
    return {"imageDigest": image.digest} if tag is None else {"imageDigest": image.digest, "imageTag": tag}


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
        tagged = "" if tag is None else f" and tag '{tag}'"
        raise EcrError(
            "ImageAlreadyExistsException",
            f"Image with digest '{digest}'{tagged} already exists in the repository with name "
            f"'{repository.name}' in registry with id '{registry.account}'",
        )
    identity = {"imageDigest": digest} if tag is None else {"imageDigest": digest, "imageTag": tag}
    return {
        "image": {
            "registryId": registry.account,
            "repositoryName": repository.name,
            "imageId": identity,
            "imageManifest": text,
            "imageManifestMediaType": manifest.media_type,
        }
    }


def batch_get_image(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer BatchGetImage. A manifest is never translated: one of a type that is not accepted is a failure."""
    repository = params.repository(registry)
    accepted = params.texts("acceptedMediaTypes", 1, 100) if params.has("acceptedMediaTypes") else None
    images, failures = [], []
    for item in params.structures("imageIds", 1, 100, required=True):
        try:
            image, tag = find(registry, repository, item)
            if accepted is not None and image.media_type not in accepted:
                raise ImageFailure(
                    "ImageNotFound",
                    f"Requested image has the media type {image.media_type}, which is not among "
                    "acceptedMediaTypes; the local ECR does not translate manifests",
                )
        except ImageFailure as failure:
            failures.append(image_failure(item, failure))
            continue
        images.append(
            {
                "registryId": registry.account,
                "repositoryName": repository.name,
                "imageId": image_id(image, tag),
                "imageManifest": registry.store.images.raw(image).decode(),
                "imageManifestMediaType": image.media_type,
            }
        )
    return {"images": images, "failures": failures}


def batch_delete_image(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer BatchDeleteImage: by tag delete the tag, and with the last tag the image; by digest the image."""
    repository = params.repository(registry)
    deleted: list[dict[str, str]] = []
    failures = []
    for item in params.structures("imageIds", 1, 100, required=True):
        try:
            with registry.store.db.transaction():
                image, tag = find(registry, repository, item)
                if tag is not None and image.tags != [tag]:
                    registry.store.images.untag(repository, tag)
                    deleted.append(image_id(image, tag))
                    continue
                registry.store.images.delete(repository, image)
                deleted += [image_id(image, name) for name in image.tags] or [image_id(image, None)]
        except ImageFailure as failure:
            failures.append(image_failure(item, failure))
        except EcrError as error:
            failures.append(image_failure(item, ImageFailure(error.name, error.message)))
    return {"imageIds": deleted, "failures": failures}


def image_failure(item: Params, failure: ImageFailure) -> dict[str, Any]:
    """Return an ImageFailure of a batch operation, in the shape of the API model."""
    return {"imageId": item.identity(), "failureCode": failure.code, "failureReason": failure.reason}
