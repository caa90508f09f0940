"""The API's structures as our data, and the registry's host where the endpoint tells it. Pure."""

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
        AuthorizationDataTypeDef,
        ImageFailureTypeDef,
        ImageTypeDef,
        RepositoryTypeDef,
    )

_API = "api.ecr."

_NOT_THERE = ("ImageNotFound", "InvalidImageTag", "InvalidImageDigest", "ImageTagDoesNotMatchDigest")
"""BatchGetImage's failures that say that there is no such image. The others (API model, ImageFailureCode: KmsError,
ImageInaccessible, Upstream…) say that there is one."""


def repository_of(data: RepositoryTypeDef) -> Repository:
    """What DescribeRepositories says of one repository."""
    filters = data.get("imageTagMutabilityExclusionFilters", [])
    return Repository(
        name=data["repositoryName"],
        account=data["registryId"],
        uri=data["repositoryUri"],
        mutability=data.get("imageTagMutability", "MUTABLE"),
        exclusions=tuple(item["filter"] for item in filters),
    )


def stored_image(data: ImageTypeDef) -> StoredImage:
    """What BatchGetImage says of one image."""
    return StoredImage(data["imageId"]["imageDigest"], data["imageManifest"], data["imageManifestMediaType"])


def token_of(data: AuthorizationDataTypeDef) -> RegistryToken:
    """The decoded value is split at its first colon, the host is ``proxyEndpoint``'s (ecr.md, Tokens)."""
    username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return RegistryToken(urlsplit(data["proxyEndpoint"]).netloc, username, password)


def by_reference(images: Sequence[ImageTypeDef], references: Sequence[str]) -> dict[str, StoredImage]:
    """What was found, by the tags and digests that were asked for."""
    found = {image["imageId"].get("imageTag", ""): stored_image(image) for image in images}
    found |= {image["imageId"]["imageDigest"]: stored_image(image) for image in images}
    return {reference: found[reference] for reference in references if reference in found}


def refuse_unreadable(name: str, failures: Sequence[ImageFailureTypeDef]) -> None:
    """Raises RegistryError for an image that is there and can't be read: its tag is not free."""
    wrong = next((item for item in failures if item.get("failureCode") not in _NOT_THERE), None)
    if wrong is None:
        return
    asked = wrong.get("imageId", {})
    reason = wrong.get("failureReason", "").strip().rstrip(".") or "no reason given"
    raise RegistryError(
        f"ECR can't read the image {asked.get('imageTag') or asked.get('imageDigest')} of {name}: "
        f"{reason} ({wrong.get('failureCode')}).",
        "Mend what that names, such as the repository's KMS key or an archived image, and run it again.",
    )


def registry_host(endpoint: str, account: str, *, own: bool = True) -> str | None:
    """An account's registry at an API endpoint; None where only DescribeRepositories can tell.

    ``own`` is for the registry that the settings name.

    Public endpoints are ``api.ecr.REGION.SUFFIX`` in every partition, and their registries
    ``ACCOUNT.dkr.ecr.REGION.SUFFIX`` (AWS General Reference, Amazon ECR endpoints). A local ECR serves both of its
    own registry at one address, and further registries at others. FIPS, dual-stack and VPC endpoints follow other
    rules, which nobody need guess.
    """
    address = urlsplit(endpoint)
    host = address.hostname or ""
    if host in ("127.0.0.1", "localhost"):
        return address.netloc if own else None
    if host.startswith(_API) and address.port is None:
        return f"{account}.dkr.ecr.{host.removeprefix(_API)}"
    return None
