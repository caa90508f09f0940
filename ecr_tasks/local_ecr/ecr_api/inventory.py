"""API operations that list images: describe, list, referrers, signing status."""

from __future__ import annotations

from .. import archive
from ..constants import PUBLIC_REGION
from ..names import DIGEST_PATTERN
from .images import get, image_id
from .scans import has_result, scan_status, scan_summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository
    from .params import Params


def tag_status_condition(conditions: Params) -> Callable[[list[str]], bool]:
    """Return a function that checks whether an image with a list of tags has the ``tagStatus`` of a filter."""
    status = conditions.optional_text("tagStatus", choices=("TAGGED", "UNTAGGED", "ANY")) or "ANY"
    return lambda tags: status == "ANY" or bool(tags) == (status == "TAGGED")


def _image_status_condition(registry: Registry, conditions: Params, member: str) -> Callable[[Image], bool]:
    """Return a function that checks whether an image has the status of a filter, which is ACTIVE without one."""
    status = conditions.optional_text(member, choices=(*archive.STATUSES, "ANY")) or "ACTIVE"
    states = archive.States(registry)
    return lambda image: status in ("ANY", states.of(image).status)


def _filtered(registry: Registry, images: Iterable[Image], params: Params) -> Iterator[Image]:
    """Return the images that the request's filter selects, by their tag status and image status."""
    conditions = params.structure("filter")
    has_status = _image_status_condition(registry, conditions, "imageStatus")
    has_tag_status = tag_status_condition(conditions)
    return (image for image in images if has_tag_status(image.tags) and has_status(image))


def _images_from(
    registry: Registry, repository: Repository, params: Params
) -> Callable[[list[Any]], Iterator[Image]]:
    """Return a function that yields the selected images from a paging key on, which begins with an image's id."""
    return lambda after: _filtered(registry, registry.store.images.walk(repository, after[0] if after else 0), params)


def describe_images(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImages."""
    repository = params.repository(registry)
    token: dict[str, str] = {}
    if params.has_instead_of_page("imageIds"):
        requested = [get(registry, repository, item)[0] for item in params.image_ids()]
        images = list(_filtered(registry, {image.digest: image for image in requested}.values(), params))
    else:
        images_from = _images_from(registry, repository, params)
        images, token = params.page(images_from, lambda image: [image.id], key_types=(int,))
    states = archive.States(registry)
    return {"imageDetails": [_detail(registry, repository, image, states.of(image)) for image in images], **token}


def referenced_detail(image: Image) -> dict[str, Any]:
    """Return a ReferencedImageDetail of ECR Public; every ImageDetail has its members too."""
    detail: dict[str, Any] = {
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": round(image.pushed, 3),
        "imageManifestMediaType": image.media_type,
    }
    return detail if image.kind is None else {**detail, "artifactMediaType": image.kind}


def _detail(registry: Registry, repository: Repository, image: Image, state: archive.State) -> dict[str, Any]:
    """Return an ImageDetail, in the shape of the API model; that of ECR Public has fewer members."""
    detail: dict[str, Any] = {**repository.members, **referenced_detail(image)}
    if image.tags:
        detail["imageTags"] = image.tags
    if registry.region == PUBLIC_REGION:
        return detail
    detail["imageStatus"] = state.status
    for member, moment in (("lastArchivedAt", state.archived), ("lastActivatedAt", state.activated)):
        if moment is not None:
            detail[member] = round(moment, 3)
    if image.pulled is not None:
        detail["lastRecordedPullTime"] = round(image.pulled, 3)
    if image.subject is not None:
        detail["subjectManifestDigest"] = image.subject
    # Only enhanced scans: those of basic scanning, AWS_NATIVE by now, aren't told here (API model, DescribeImages).
    scan = registry.scanner.result(repository, image, poll=False) if registry.scanner.is_enhanced else None
    if scan is not None:
        detail["imageScanStatus"] = scan_status(scan)
        if has_result(scan):
            detail["imageScanFindingsSummary"] = scan_summary(scan)
    return detail


def list_images(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer ListImages: an entry for each tag, and one for each image without tags."""
    repository = params.repository(registry)
    images = _images_from(registry, repository, params)

    def entries(after: list[Any]) -> Iterator[tuple[int, str, dict[str, str]]]:
        for image in images(after):
            for tag in image.tags:
                yield image.id, tag, {"imageDigest": image.digest, "imageTag": tag}
            if not image.tags:
                yield image.id, "", {"imageDigest": image.digest}

    page_entries, token = params.page(entries, lambda entry: [entry[0], entry[1]], key_types=(int, str))
    return {"imageIds": [entry[2] for entry in page_entries], **token}


def list_image_referrers(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer ListImageReferrers."""
    repository = params.repository(registry)
    subject = params.structure("subjectId").text("imageDigest", pattern=DIGEST_PATTERN)
    conditions = params.structure("filter")
    types = (
        conditions.texts("artifactTypes", 0, 5, shortest=1, longest=255) if conditions.has("artifactTypes") else []
    )
    has_status = _image_status_condition(registry, conditions, "artifactStatus")
    referrers = [
        image
        for image in registry.store.images.referrers(repository, subject)
        if has_status(image) and (not types or image.kind in types)
    ]
    page_referrers, token = params.page(referrers, lambda image: [image.id], key_types=(int,), default=50, maximum=50)
    states = archive.States(registry)
    entries = [{**image.descriptor(), "artifactStatus": states.of(image).status} for image in page_referrers]
    return {"referrers": entries, **token}


def describe_image_signing_status(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImageSigningStatus."""
    repository = params.repository(registry)
    image, tag = get(registry, repository, params.structure("imageId"))
    return {
        **repository.members,
        "imageId": image_id(image.digest, tag),
        "signingStatuses": registry.signer.statuses(image),
    }
