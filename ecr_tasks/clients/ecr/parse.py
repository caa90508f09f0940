"""Functions that turn the API's structures into values of model/, and the host of a registry at an API endpoint."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ecr_tasks.clients.ecr.answers import not_aws
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import (
        AuthorizationDataTypeDef,
        ImageFailureTypeDef,
        ImageTypeDef,
        RepositoryTypeDef,
    )
    from mypy_boto3_ecr_public.type_defs import AuthorizationDataTypeDef as PublicDataTypeDef

    from ecr_tasks.model.repository import DesiredRepository

_NOT_FOUND = ("ImageNotFound", "InvalidImageTag", "InvalidImageDigest", "ImageTagDoesNotMatchDigest")
"""BatchGetImage's failures for an image that does not exist. With the others (API model, ImageFailureCode: KmsError,
ImageInaccessible, Upstream…) it exists."""


def parse_repository(data: RepositoryTypeDef) -> Repository:
    """Return a repository of DescribeRepositories."""
    filters = data.get("imageTagMutabilityExclusionFilters", [])
    return Repository(
        name=data["repositoryName"],
        account=data["registryId"],
        uri=data["repositoryUri"],
        mutability=data.get("imageTagMutability", "MUTABLE"),
        exclusions=tuple(item["filter"] for item in filters),
    )


def aws_tags(wanted: DesiredRepository) -> list[Any]:
    """Return a repository's AWS tags as the API takes them."""
    return [{"Key": key, "Value": value} for key, value in wanted.tags.items()]


def parse_token(data: AuthorizationDataTypeDef | PublicDataTypeDef, host: str) -> RegistryToken:
    """Return the token for a host: ``user:password`` in base64 (API reference, AuthorizationData).

    Raises AwsError for what is no token.
    """
    try:
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        expires = data["expiresAt"].timestamp()
    except (ValueError, OverflowError) as error:
        raise not_aws("GetAuthorizationToken", "its token can't be read") from error
    return RegistryToken(host, username, password, expires=expires)


def images_by_reference(images: Sequence[ImageTypeDef], references: Sequence[str]) -> dict[str, StoredImage]:
    """Return images of BatchGetImage by the requested tags and digests."""
    by_id: dict[str, StoredImage] = {}
    for data in images:
        digest = data["imageId"]["imageDigest"]
        image = StoredImage(digest, data["imageManifest"], data["imageManifestMediaType"])
        by_id |= {digest: image, data["imageId"].get("imageTag", digest): image}
    return {reference: by_id[reference] for reference in references if reference in by_id}


def looked_at(detail: Mapping[str, Any]) -> StoredImage:
    """Return an image of DescribeImages (ECR Public has it, too) without its manifest. Raises RegistryError for an
    archived one."""
    digest, status = detail["imageDigest"], detail.get("imageStatus", "ACTIVE")
    if status != "ACTIVE":
        shown = next(iter(detail.get("imageTags", ())), digest)
        raise RegistryError(
            f"The image {shown} of {detail.get('repositoryName', 'the repository')} is {status.lower()} in ECR.",
            "Restore it in ECR (its storage class is ARCHIVE), or delete it, and run it again.",
        )
    return StoredImage(
        digest,
        "",
        detail.get("imageManifestMediaType", ""),
        tags=tuple(sorted(detail.get("imageTags", ()))),
        pushed=detail.get("imagePushedAt"),
        listed_size=detail.get("imageSizeInBytes"),
    )


def refuse_unreadable(name: str, failures: Sequence[ImageFailureTypeDef]) -> None:
    """Raise RegistryError for the first image that exists and can't be read: its tag is not free."""
    for failure in (failure for failure in failures if failure.get("failureCode") not in _NOT_FOUND):
        ids = failure.get("imageId", {})
        reason = failure.get("failureReason", "").strip().rstrip(".") or "no reason given"
        raise RegistryError(
            f"ECR can't read the image {ids.get('imageTag') or ids.get('imageDigest')} of {name}: "
            f"{reason} ({failure.get('failureCode')}).",
            "Mend what that names, such as the repository's KMS key or an archived image, and run it again.",
        )


def registry_host(endpoint: str, account: str) -> str | None:
    """Return the host of an account's registry at an API endpoint, or None if only ECR knows it.

    Public endpoints are ``api.ecr.REGION.SUFFIX`` in every partition, and their registries
    ``ACCOUNT.dkr.ecr.REGION.SUFFIX`` (AWS General Reference, Amazon ECR endpoints). FIPS, dual-stack and VPC
    endpoints follow other rules, and an emulator's registry may be anywhere.
    """
    address = urlsplit(endpoint)
    host = address.hostname or ""
    if host.startswith("api.ecr.") and address.port is None:
        return f"{account}.dkr.{host.removeprefix('api.')}"
    return None


def local_registry_host(response: Mapping[str, Any]) -> str | None:
    """Return the host of the registry that answered, which a local ECR names in a header; None for every other."""
    headers: Mapping[str, str] = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers.get("x-local-ecr-registry")
