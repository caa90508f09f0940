"""The API's structures as values of model/, and the host of a registry at an API endpoint."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_tasks.errors import RegistryError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import (
        ImageFailureTypeDef,
        ImageTypeDef,
        RepositoryTypeDef,
    )

_API = "api.ecr."

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


def parse_image(data: ImageTypeDef) -> StoredImage:
    """Return an image of BatchGetImage."""
    return StoredImage(data["imageId"]["imageDigest"], data["imageManifest"], data["imageManifestMediaType"])


def parse_token(encoded: str, host: str) -> RegistryToken:
    """Return the token for a host: ``user:password`` in base64 (API reference, AuthorizationData)."""
    username, _, password = base64.b64decode(encoded).decode().partition(":")
    return RegistryToken(host, username, password)


def images_by_reference(images: Sequence[ImageTypeDef], references: Sequence[str]) -> dict[str, StoredImage]:
    """Return images by the tags and digests that were asked for."""
    by_id = {image["imageId"].get("imageTag", ""): parse_image(image) for image in images}
    by_id |= {image["imageId"]["imageDigest"]: parse_image(image) for image in images}
    return {reference: by_id[reference] for reference in references if reference in by_id}


def refuse_unreadable(name: str, failures: Sequence[ImageFailureTypeDef]) -> None:
    """Raise RegistryError for the first image that exists and can't be read: its tag is not free."""
    failure = next((item for item in failures if item.get("failureCode") not in _NOT_FOUND), None)
    if failure is None:
        return
    ids = failure.get("imageId", {})
    reason = failure.get("failureReason", "").strip().rstrip(".") or "no reason given"
    raise RegistryError(
        f"ECR can't read the image {ids.get('imageTag') or ids.get('imageDigest')} of {name}: "
        f"{reason} ({failure.get('failureCode')}).",
        "Mend what that names, such as the repository's KMS key or an archived image, and run it again.",
    )


def registry_host(endpoint: str, account: str, *, own: bool = True) -> str | None:
    """Return the host of an account's registry at an API endpoint, or None where only DescribeRepositories knows it.

    ``own`` is True for the registry that the settings name.

    Public endpoints are ``api.ecr.REGION.SUFFIX`` in every partition, and their registries
    ``ACCOUNT.dkr.ecr.REGION.SUFFIX`` (AWS General Reference, Amazon ECR endpoints). A local ECR serves the API and
    its own registry at one address, and other registries at other addresses. FIPS, dual-stack and VPC endpoints
    follow other rules.
    """
    address = urlsplit(endpoint)
    host = address.hostname or ""
    if host in ("127.0.0.1", "localhost"):
        return address.netloc if own else None
    if host.startswith(_API) and address.port is None:
        return f"{account}.dkr.ecr.{host.removeprefix(_API)}"
    return None
