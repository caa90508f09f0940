"""Paged listings: the manifests of a repository, and the manifests that refer to an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import result_or_none
from ecr_tasks.errors import AwsError
from ecr_tasks.model.inventory import ImageDetail, ScanSummary
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageReferrerTypeDef

PAGE = 1000
"""The maximum number of results on one page (API model, MaxResults)."""


def describe_images(client: ECRClient, repository: str, registry_id: Mapping[str, str]) -> list[ImageDetail]:
    """Return every manifest of a repository, including archived ones, with one call per thousand.

    Raises botocore's errors.
    """
    parameters: Any = {**registry_id, "repositoryName": repository, "PaginationConfig": {"PageSize": PAGE}}
    parameters |= _with_archived(client)
    pages = client.get_paginator("describe_images").paginate(**parameters)
    return [parse_detail(data) for page in pages for data in page["imageDetails"]]


def details_of(
    client: ECRClient, repository: str, registry_id: Mapping[str, Any], digests: Sequence[str]
) -> list[ImageDetail] | None:
    """Return the manifests of at most a hundred digests, or None if one is missing. Raises botocore's errors."""
    ids: Any = [{"imageDigest": digest} for digest in digests]
    parameters: Any = {**registry_id, "repositoryName": repository, **_with_archived(client)}
    found = result_or_none(lambda: client.describe_images(**parameters, imageIds=ids), "ImageNotFoundException")
    return [parse_detail(data) for data in found["imageDetails"]] if found else None


def image_detail(client: ECRClient, repository: Repository, reference: str) -> ImageDetail | None:
    """Return the manifest with a tag or ``sha256:`` digest, archived or not, or None. Raises botocore's errors."""
    key = "imageDigest" if reference.startswith("sha256:") else "imageTag"
    parameters: Any = {"registryId": repository.account, "repositoryName": repository.name}
    parameters |= {**_with_archived(client), "imageIds": [{key: reference}]}
    response = result_or_none(lambda: client.describe_images(**parameters), "ImageNotFoundException")
    return next(map(parse_detail, response["imageDetails"]), None) if response else None


def list_tags(client: ECRClient, repository: str, registry_id: Mapping[str, Any]) -> list[str]:
    """Return every tag of a repository, with one call per thousand. Raises botocore's errors."""
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
    manifests: list[ImageReferrerTypeDef] = []
    while True:
        response = client.list_image_referrers(**parameters)
        manifests += response["referrers"]
        if not response.get("nextToken"):
            return tuple(manifests)
        parameters["nextToken"] = response["nextToken"]


def _with_archived(client: ECRClient) -> dict[str, Any]:
    """Return the parameter that includes archived images; empty for an SDK that doesn't know them."""
    known = client.meta.service_model.shape_for("DescribeImagesFilter").members  # type: ignore[attr-defined]
    return {"filter": {"imageStatus": "ANY"}} if "imageStatus" in known else {}


def parse_detail(data: Mapping[str, Any]) -> ImageDetail:
    """Return what DescribeImages says of an image, of a private registry or of ECR Public, which says less."""
    status = data.get("imageScanStatus", {}).get("status")
    severities = data.get("imageScanFindingsSummary", {}).get("findingSeverityCounts", {})
    scan = ScanSummary(status, {str(name): count for name, count in severities.items()}) if status else None
    return ImageDetail(
        digest=data["imageDigest"],
        media_type=data.get("imageManifestMediaType", ""),
        tags=tuple(sorted(data.get("imageTags", ()))),
        size=data.get("imageSizeInBytes"),
        pushed=data.get("imagePushedAt"),
        pulled=data.get("lastRecordedPullTime"),
        artifact_type=data.get("artifactMediaType"),
        subject=data.get("subjectManifestDigest"),
        scan=scan,
        status=data.get("imageStatus", "ACTIVE"),
        archived=data.get("lastArchivedAt"),
        activated=data.get("lastActivatedAt"),
    )
