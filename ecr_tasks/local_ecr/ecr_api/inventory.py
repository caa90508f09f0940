"""API operations that list images: describe, list, referrers, and what became of them after the push."""

from __future__ import annotations

from ..names import DIGEST_PATTERN
from .images import get
from .paging import page, refuse_beside

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
    """Those of a tag and image status. No image is ever archived here, as UpdateImageStorageClass is refused."""
    wanted = params.structure("filter")
    status = wanted.optional_text("imageStatus", choices=_IMAGE_STATUSES) or "ACTIVE"
    tags = wanted.optional_text("tagStatus", choices=TAG_STATUSES) or "ANY"
    if status not in ("ACTIVE", "ANY"):
        return iter(())
    return (image for image in images if tags == "ANY" or bool(image.tags) == (tags == "TAGGED"))


def _from(registry: Registry, repository: Repository, params: Params) -> Callable[[list[Any]], Iterator[Image]]:
    """The images that are asked for, from a key on whose first part is an image's number."""
    return lambda after: _filtered(registry.store.images.walk(repository, after[0] if after else 0), params)


def describe_images(registry: Registry, params: Params) -> dict[str, Any]:
    """DescribeImages."""
    repository = params.repository(registry)
    refuse_beside(params, "imageIds")
    if params.has("imageIds"):
        found: list[Image] = []
        for item in params.structures("imageIds", 1, 100):
            image, _ = get(registry, repository, item)
            if image.digest not in {other.digest for other in found}:
                found.append(image)
        return {"imageDetails": [_detail(registry, repository, image) for image in _filtered(found, params)]}
    shown, token = page(_from(registry, repository, params), lambda image: [image.id], params, "DescribeImages")
    return {"imageDetails": [_detail(registry, repository, image) for image in shown], **token}


def _detail(registry: Registry, repository: Repository, image: Image) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "registryId": registry.account,
        "repositoryName": repository.name,
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": round(image.pushed, 3),
        "imageManifestMediaType": image.media_type,
        "imageStatus": "ACTIVE",
    }
    if image.tags:
        shown["imageTags"] = image.tags
    if image.kind is not None:
        shown["artifactMediaType"] = image.kind
    if image.pulled is not None:
        shown["lastRecordedPullTime"] = round(image.pulled, 3)
    if image.subject is not None:
        shown["subjectManifestDigest"] = image.subject
    scan = registry.scanner.result(repository, image, poll=False)
    if scan is not None:
        shown["imageScanStatus"] = {"status": scan["status"], "description": scan["description"]}
        if scan["status"] in ("COMPLETE", "ACTIVE"):
            shown["imageScanFindingsSummary"] = scan_summary(scan)
    return shown


def scan_summary(scan: dict[str, Any]) -> dict[str, Any]:
    """An ImageScanFindingsSummary."""
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
    """ListImages: an entry for each tag, and one for each image without any."""
    repository = params.repository(registry)
    images = _from(registry, repository, params)

    def entries(after: list[Any]) -> Iterator[tuple[int, str, dict[str, str]]]:
        for image in images(after):
            for tag in image.tags:
                yield image.id, tag, {"imageDigest": image.digest, "imageTag": tag}
            if not image.tags:
                yield image.id, "", {"imageDigest": image.digest}

    shown, token = page(entries, lambda entry: [entry[0], entry[1]], params, "ListImages")
    return {"imageIds": [entry[2] for entry in shown], **token}


def list_image_referrers(registry: Registry, params: Params) -> dict[str, Any]:
    """ListImageReferrers."""
    repository = params.repository(registry)
    subject = params.structure("subjectId").text("imageDigest", pattern=DIGEST_PATTERN)
    wanted = params.structure("filter")
    types = wanted.optional_list("artifactTypes", 0, 5)
    status = wanted.optional_text("artifactStatus", choices=_IMAGE_STATUSES) or "ACTIVE"
    found = [
        image
        for image in registry.store.images.referrers(repository, subject)
        if status in ("ACTIVE", "ANY") and (not types or image.kind in types)
    ]
    shown, token = page(found, lambda image: [image.id], params, "ListImageReferrers", default=50, maximum=50)
    return {"referrers": [_referrer(image) for image in shown], **token}


def _referrer(image: Image) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "digest": image.digest,
        "mediaType": image.media_type,
        "size": image.bytes,
        "artifactStatus": "ACTIVE",
    }
    if image.kind is not None:
        shown["artifactType"] = image.kind
    if image.annotations:
        shown["annotations"] = image.annotations
    return shown


def describe_image_signing_status(registry: Registry, params: Params) -> dict[str, Any]:
    """DescribeImageSigningStatus: nothing is signed here, as PutSigningConfiguration is refused."""
    repository = params.repository(registry)
    get(registry, repository, params.structure("imageId"))
    return {
        "registryId": registry.account,
        "repositoryName": repository.name,
        "imageId": params.structure("imageId").identity(),
        "signingStatuses": [],
    }
