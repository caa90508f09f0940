"""API operations that list images: describe, list, referrers, signing status."""

from __future__ import annotations

from ..names import DIGEST_PATTERN
from .images import get
from .paging import page, refuse_paging_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository
    from .params import Params

TAG_STATUSES = ("TAGGED", "UNTAGGED", "ANY")
_IMAGE_STATUSES = ("ACTIVE", "ARCHIVED", "ACTIVATING", "ANY")


def _filtered(images: Iterable[Image], params: Params) -> Iterator[Image]:
    """Return the images that the request's filter selects, by their tag status and image status.

    No image is ever archived here, as UpdateImageStorageClass is not implemented.
    """
    conditions = params.structure("filter")
    image_status = conditions.optional_text("imageStatus", choices=_IMAGE_STATUSES) or "ACTIVE"
    tag_status = conditions.optional_text("tagStatus", choices=TAG_STATUSES) or "ANY"
    if image_status not in ("ACTIVE", "ANY"):
        return iter(())
    return (image for image in images if tag_status == "ANY" or bool(image.tags) == (tag_status == "TAGGED"))


def _images_from(
    registry: Registry, repository: Repository, params: Params
) -> Callable[[list[Any]], Iterator[Image]]:
    """Return a function from a paging key, which begins with an image's number, to the selected images from there."""
    return lambda after: _filtered(registry.store.images.walk(repository, after[0] if after else 0), params)


def describe_images(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImages."""
    repository = params.repository(registry)
    refuse_paging_with(params, "imageIds")
    if params.has("imageIds"):
        images = [get(registry, repository, item)[0] for item in params.structures("imageIds", 1, 100)]
        unique = {image.digest: image for image in images}.values()
        return {"imageDetails": [_detail(registry, repository, image) for image in _filtered(unique, params)]}
    images, token = page(
        _images_from(registry, repository, params), lambda image: [image.id], params, "DescribeImages"
    )
    return {"imageDetails": [_detail(registry, repository, image) for image in images], **token}


def _detail(registry: Registry, repository: Repository, image: Image) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "registryId": registry.account,
        "repositoryName": repository.name,
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": round(image.pushed, 3),
        "imageManifestMediaType": image.media_type,
        "imageStatus": "ACTIVE",
    }
    if image.tags:
        detail["imageTags"] = image.tags
    if image.kind is not None:
        detail["artifactMediaType"] = image.kind
    if image.pulled is not None:
        detail["lastRecordedPullTime"] = round(image.pulled, 3)
    if image.subject is not None:
        detail["subjectManifestDigest"] = image.subject
    scan = registry.scanner.result(repository, image, poll=False)
    if scan is not None:
        detail["imageScanStatus"] = {"status": scan["status"], "description": scan["description"]}
        if scan["status"] in ("COMPLETE", "ACTIVE"):
            detail["imageScanFindingsSummary"] = scan_summary(scan)
    return detail


def scan_summary(scan: dict[str, Any]) -> dict[str, Any]:
    """Return an ImageScanFindingsSummary."""
    counts: dict[str, int] = {}
    for finding in scan["findings"]:
        severity = finding.get("severity", "UNDEFINED")
        counts[severity] = counts.get(severity, 0) + 1
    return {
        "imageScanCompletedAt": round(scan["completed"], 3),
        "vulnerabilitySourceUpdatedAt": round(scan["completed"], 3),
        "findingSeverityCounts": counts,
    }


def list_images(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer ListImages: an entry for each tag, and one for each image without any."""
    repository = params.repository(registry)
    images = _images_from(registry, repository, params)

    def entries(after: list[Any]) -> Iterator[tuple[int, str, dict[str, str]]]:
        for image in images(after):
            for tag in image.tags:
                yield image.id, tag, {"imageDigest": image.digest, "imageTag": tag}
            if not image.tags:
                yield image.id, "", {"imageDigest": image.digest}

    page_entries, token = page(entries, lambda entry: [entry[0], entry[1]], params, "ListImages")
    return {"imageIds": [entry[2] for entry in page_entries], **token}


def list_image_referrers(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer ListImageReferrers."""
    repository = params.repository(registry)
    subject = params.structure("subjectId").text("imageDigest", pattern=DIGEST_PATTERN)
    conditions = params.structure("filter")
    types = conditions.optional_list("artifactTypes", 0, 5)
    status = conditions.optional_text("artifactStatus", choices=_IMAGE_STATUSES) or "ACTIVE"
    referrers = [
        image
        for image in registry.store.images.referrers(repository, subject)
        if status in ("ACTIVE", "ANY") and (not types or image.kind in types)
    ]
    page_referrers, token = page(
        referrers, lambda image: [image.id], params, "ListImageReferrers", default=50, maximum=50
    )
    return {"referrers": [_referrer(image) for image in page_referrers], **token}


def _referrer(image: Image) -> dict[str, Any]:
    referrer: dict[str, Any] = {
        "digest": image.digest,
        "mediaType": image.media_type,
        "size": image.bytes,
        "artifactStatus": "ACTIVE",
    }
    if image.kind is not None:
        referrer["artifactType"] = image.kind
    if image.annotations:
        referrer["annotations"] = image.annotations
    return referrer


def describe_image_signing_status(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImageSigningStatus: no image is signed here, as PutSigningConfiguration is not implemented."""
    repository = params.repository(registry)
    get(registry, repository, params.structure("imageId"))
    return {
        "registryId": registry.account,
        "repositoryName": repository.name,
        "imageId": params.structure("imageId").identity(),
        "signingStatuses": [],
    }
