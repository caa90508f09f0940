"""Listings, page by page: what a repository holds, and what refers to an image, as the API tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_tasks.errors import AwsError
from ecr_tasks.model.inventory import ImageDetail, Scan
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef, ImageReferrerTypeDef

PAGE = 1000
"""The most that one page holds (API model, DescribeImages: maxResults)."""


def describe(client: ECRClient, repository: str, registry_id: Mapping[str, str]) -> list[ImageDetail]:
    """Everything in a repository, archived images included, with one call for a thousand manifests.

    botocore's errors come through.
    """
    parameters: Any = {**registry_id, "repositoryName": repository, "PaginationConfig": {"PageSize": PAGE}}
    if "imageStatus" in client.meta.service_model.shape_for("DescribeImagesFilter").members:  # type: ignore[attr-defined]
        parameters["filter"] = {"imageStatus": "ANY"}  # SDKs before the archive refuse to send it
    pages = client.get_paginator("describe_images").paginate(**parameters)
    return [_detail(item) for page in pages for item in page["imageDetails"]]


def referrers(client: ECRClient, repository: Repository, digest: str) -> tuple[ImageReferrerTypeDef, ...]:
    """The active images whose subject this is. botocore's errors come through."""
    if not hasattr(client, "list_image_referrers"):
        raise AwsError("This boto3 can't ask ECR for an image's signatures and SBOMs.", "Update boto3.")
    found: list[ImageReferrerTypeDef] = []
    more: Any = {}
    while True:
        answer = client.list_image_referrers(
            registryId=repository.account,
            repositoryName=repository.name,
            subjectId={"imageDigest": digest},
            **more,
        )
        found += answer["referrers"]
        if not answer.get("nextToken"):
            return tuple(found)
        more = {"nextToken": answer["nextToken"]}


def _detail(item: ImageDetailTypeDef) -> ImageDetail:
    status = item.get("imageScanStatus", {}).get("status")
    severities = item.get("imageScanFindingsSummary", {}).get("findingSeverityCounts", {})
    return ImageDetail(
        digest=item["imageDigest"],
        media_type=item.get("imageManifestMediaType", ""),
        tags=tuple(sorted(item.get("imageTags", ()))),
        size=item.get("imageSizeInBytes"),
        pushed=item.get("imagePushedAt"),
        pulled=item.get("lastRecordedPullTime"),
        artifact_type=item.get("artifactMediaType"),
        subject=item.get("subjectManifestDigest"),
        scan=Scan(status, {str(name): count for name, count in severities.items()}) if status else None,
        status=item.get("imageStatus", "ACTIVE"),
    )
