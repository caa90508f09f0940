"""Paged listings: the manifests of a repository, and the manifests that refer to an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_tasks.errors import AwsError
from ecr_tasks.model.inventory import ImageDetail, ScanSummary
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef, ImageReferrerTypeDef

PAGE = 1000
"""The most items on one page (API model, MaxResults)."""


def describe_images(client: ECRClient, repository: str, registry_id: Mapping[str, str]) -> list[ImageDetail]:
    """Return every manifest of a repository, archived ones included, with one call for a thousand.

    Raises botocore's errors.
    """
    parameters: Any = {**registry_id, "repositoryName": repository, "PaginationConfig": {"PageSize": PAGE}}
    if "imageStatus" in client.meta.service_model.shape_for("DescribeImagesFilter").members:  # type: ignore[attr-defined]
        parameters["filter"] = {"imageStatus": "ANY"}  # SDKs before the archive refuse to send it
    pages = client.get_paginator("describe_images").paginate(**parameters)
    return [_image_detail(item) for page in pages for item in page["imageDetails"]]


def list_tags(client: ECRClient, repository: str, registry_id: Mapping[str, Any]) -> list[str]:
    """Return every tag of a repository, with one call for a thousand. Raises botocore's errors."""
    parameters: Any = {**registry_id, "repositoryName": repository, "PaginationConfig": {"PageSize": PAGE}}
    pages = client.get_paginator("list_images").paginate(**parameters, filter={"tagStatus": "TAGGED"})
    return [image["imageTag"] for page in pages for image in page["imageIds"] if "imageTag" in image]


def referrers(client: ECRClient, repository: Repository, digest: str) -> tuple[ImageReferrerTypeDef, ...]:
    """Return the active manifests whose subject is this digest.

    Raises AwsError when boto3 is too old to ask, and botocore's errors.
    """
    if not hasattr(client, "list_image_referrers"):
        raise AwsError("This boto3 can't ask ECR for an image's signatures and SBOMs.", "Update boto3.")
    parameters: Any = {"registryId": repository.account, "repositoryName": repository.name}
    parameters["subjectId"] = {"imageDigest": digest}
    items: list[ImageReferrerTypeDef] = []
    while True:
        answer = client.list_image_referrers(**parameters)
        items += answer["referrers"]
        if not answer.get("nextToken"):
            return tuple(items)
        parameters["nextToken"] = answer["nextToken"]


def _image_detail(item: ImageDetailTypeDef) -> ImageDetail:
    status = item.get("imageScanStatus", {}).get("status")
    severities = item.get("imageScanFindingsSummary", {}).get("findingSeverityCounts", {})
    scan = ScanSummary(status, {str(name): count for name, count in severities.items()}) if status else None
    return ImageDetail(
        digest=item["imageDigest"],
        media_type=item.get("imageManifestMediaType", ""),
        tags=tuple(sorted(item.get("imageTags", ()))),
        size=item.get("imageSizeInBytes"),
        pushed=item.get("imagePushedAt"),
        pulled=item.get("lastRecordedPullTime"),
        artifact_type=item.get("artifactMediaType"),
        subject=item.get("subjectManifestDigest"),
        scan=scan,
        status=item.get("imageStatus", "ACTIVE"),
    )
