"""The Target port on ECR Public, which has a separate API in one region, without BatchGetImage and immutable tags.

It has only what publishing to a destination needs. A tag's digest comes from DescribeImageTags, a manifest's bytes
come from the registry itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ecr_tasks.clients.ecr.errors import result_or_none, translate_errors
from ecr_tasks.clients.ecr.parse import aws_tags, parse_token
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.ecr.tokens import Tokens
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.account import Caller
from ecr_tasks.model.destination import PUBLIC_HOST, PUBLIC_REGION
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository, RepositoryView
from ecr_tasks.model.repository import DesiredRepository

if TYPE_CHECKING:
    from mypy_boto3_ecr_public.client import ECRPublicClient
    from mypy_boto3_ecr_public.type_defs import RepositoryTypeDef

AWS_DOMAINS = (".amazonaws.com", ".api.aws")
"""The ends of the hosts of ECR Public's API (AWS General Reference, Amazon ECR Public endpoints)."""

PAGE = 1000
"""The maximal number of items on one page (ECR Public's API model, MaxResults)."""


class PublicRegistry:
    """The public registry of the credentials' account.

    The name of a :class:`Repository` begins with the registry's alias, as in its address; the API uses names without
    the alias. ``read_manifest`` returns a manifest's bytes by ``host/repository@digest``.
    """

    def __init__(self, aws: AwsSession, alias: str, read_manifest: Callable[[str], str]) -> None:
        self._aws = aws
        self._alias = alias
        self._read_manifest = read_manifest
        self._tokens = Tokens(aws)

    @property
    def admin(self) -> PublicRegistry:
        """The object that creates repositories: this one."""
        return self

    @property
    def artifacts(self) -> None:
        """None: ECR Public's API lists nothing that refers to an image."""
        return

    @property
    def evidence(self) -> None:
        """None: ECR Public scans and signs nothing."""
        return

    def connect(self) -> None:
        """Create the client, which must not happen in several threads."""
        self._client()

    def describe(
        self, repositories: Mapping[str, Sequence[str]], *, brief: bool = False
    ) -> Mapping[str, RepositoryView]:
        """Return the repositories of these names (without the alias), and those of their tags that exist.

        Makes two calls for each repository. The images have no manifest, because the API does not return manifests.
        Raises RegistryError when the alias belongs to another registry.
        """
        return {name: self._describe(name, tags) for name, tags in repositories.items()}

    def created_on_push(self, name: str) -> RepositoryView:
        """Return a view without a repository: ECR Public has no creation templates (its API model)."""
        return RepositoryView(None)

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        """Return an image by tag or digest, without its manifest, or None."""
        if reference.startswith("sha256:"):
            return self._image(repository, reference)
        return self._tags(_name(repository)).get(reference)

    def read(self, repository: Repository, image: StoredImage) -> StoredImage:
        """Return an image with its manifest, which is read from the registry."""
        return (
            image if image.is_read else image.with_manifest(self._read_manifest(f"{repository.uri}@{image.digest}"))
        )

    def remember(self, manifest: str) -> None:
        """Do nothing: ECR Public counts no pulls for a lifecycle policy."""

    def tag_digests(self, repository: Repository, tags: Sequence[str]) -> dict[str, str]:
        """Return the digests of those of the tags that exist (DescribeImageTags)."""
        existing = self._tags(_name(repository)) if tags else {}
        return {tag: existing[tag].digest for tag in tags if tag in existing}

    def images(self, repository: Repository, digests: Sequence[str]) -> Mapping[str, StoredImage]:
        """Return images by digest; missing ones are left out."""
        return {digest: image for digest in digests if (image := self.image(repository, digest)) is not None}

    def existing_digests(self, repository: Repository, digests: Sequence[str]) -> set[str]:
        """Return those of the digests that exist. Makes one call for each: a missing one would fail a common call."""
        return {digest for digest in digests if self._image(repository, digest) is not None}

    def list_tags(self, repository: Repository) -> Sequence[str]:
        """Return every tag."""
        return list(self._tags(_name(repository)))

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        """Return no labels: ECR Public's API gives no configurations."""
        return {}

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """Return a repository and those of its images that have one of these tags or digests."""
        digests = [reference for reference in references if reference.startswith("sha256:")]
        view = self._describe(name, [reference for reference in references if reference not in digests])
        if view.repository is None:
            return view
        images = {digest: image for digest in digests if (image := self._image(view.repository, digest)) is not None}
        return RepositoryView(view.repository, {**view.tags, **images})

    def set_tag(self, repository: Repository, image: StoredImage, tag: str) -> None:
        """Point a tag at an image (PutImage) with the image's own bytes, media type and digest."""
        image = self.read(repository, image)
        with translate_errors(f"point the tag {tag} in {repository.name} at {image.digest} (ecr-public:PutImage)"):
            result_or_none(
                lambda: self._client().put_image(
                    repositoryName=_name(repository),
                    imageManifest=image.manifest,
                    imageManifestMediaType=image.media_type,
                    imageDigest=image.digest,
                    imageTag=tag,
                ),
                "ImageAlreadyExistsException",  # the tag points at the image already
            )

    def untag(self, repository: Repository, tag: str, digest: str | None = None) -> None:
        """Remove a tag (BatchDeleteImage), with ``digest`` only from that image; do nothing when it is missing."""
        action = f"take the tag {tag} from its image in {repository.name} (ecr-public:BatchDeleteImage)"
        with translate_errors(action):
            self._client().batch_delete_image(
                repositoryName=_name(repository),
                imageIds=[{"imageTag": tag, **({"imageDigest": digest} if digest else {})}],
            )

    def replicates_to(self, name: str) -> frozenset[tuple[str, str]]:
        """Return no place: ECR Public replicates nothing to other registries."""
        return frozenset()

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Return a context that does not wait: ECR Public's quotas are higher than a run's calls."""
        return nullcontext()

    def region(self) -> str:
        """Return the region of ECR Public's API."""
        return PUBLIC_REGION

    def caller(self) -> Caller:
        """Return whom STS takes us for."""
        return self._aws.caller()

    def token(self) -> RegistryToken:
        """Return the registry's token (GetAuthorizationToken), which is fetched once, until it must be renewed.

        The call also needs the permission sts:GetServiceBearerToken (ECR Public user guide, Registry authentication).
        """
        return self._tokens.get(PUBLIC_REGION, self._fetch_token)

    def _fetch_token(self) -> RegistryToken:
        action = "get a token for ECR Public (ecr-public:GetAuthorizationToken, sts:GetServiceBearerToken)"
        with translate_errors(action):
            data = self._client().get_authorization_token()["authorizationData"]
        # Another endpoint than AWS's is the local ECR's, whose tokens public.ecr.aws does not take.
        endpoint = urlsplit(self._client().meta.endpoint_url)
        is_aws = (endpoint.hostname or "").endswith(AWS_DOMAINS)
        return parse_token(data, PUBLIC_HOST if is_aws else endpoint.netloc)

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        """Create a repository with the wanted AWS tags, its only setting; return None when it exists already."""
        tags: Any = {"tags": aws_tags(wanted)} if wanted.tags else {}
        with translate_errors(f"create the public repository {name} (ecr-public:CreateRepository)"):
            response = result_or_none(
                lambda: self._client().create_repository(repositoryName=name, **tags),
                "RepositoryAlreadyExistsException",
            )
        return self._repository(response["repository"]) if response else None

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        """Do nothing: a public repository has no lifecycle policy, and everybody may pull from it."""

    def _describe(self, name: str, tags: Sequence[str]) -> RepositoryView:
        with translate_errors(f"look at the public repository {name} (ecr-public:DescribeRepositories)"):
            response = result_or_none(
                lambda: self._client().describe_repositories(repositoryNames=[name]),
                "RepositoryNotFoundException",
                "RegistryNotFoundException",
            )
        if response is None:
            return RepositoryView(None)
        repository = self._repository(response["repositories"][0])
        existing = self._tags(name) if tags else {}
        return RepositoryView(repository, {tag: existing[tag] for tag in tags if tag in existing})

    def _repository(self, data: RepositoryTypeDef) -> Repository:
        """Convert a repository of the API. Raises RegistryError when its registry has another alias."""
        host, _, name = data["repositoryUri"].partition("/")
        alias = name.partition("/")[0]
        if host == PUBLIC_HOST and alias != self._alias:
            raise RegistryError(
                f"The public registry of these credentials has the alias {alias}, not {self._alias}.",
                "Correct the alias in ECR_DESTINATIONS, or use the other account's credentials.",
            )
        return Repository(name, data["registryId"], data["repositoryUri"])

    def _tags(self, name: str) -> dict[str, StoredImage]:
        """Return the images of all tags, without their manifests."""
        with translate_errors(f"list the tags of the public repository {name} (ecr-public:DescribeImageTags)"):
            pager = self._client().get_paginator("describe_image_tags")
            pages = pager.paginate(repositoryName=name, PaginationConfig={"PageSize": PAGE})
            details = {item["imageTag"]: item["imageDetail"] for page in pages for item in page["imageTagDetails"]}
        return {
            tag: StoredImage(detail["imageDigest"], "", detail["imageManifestMediaType"])
            for tag, detail in details.items()
        }

    def _image(self, repository: Repository, digest: str) -> StoredImage | None:
        """Return an image without its manifest, or None."""
        with translate_errors(f"look for {digest} in {repository.name} (ecr-public:DescribeImages)"):
            response = result_or_none(
                lambda: self._client().describe_images(
                    repositoryName=_name(repository), imageIds=[{"imageDigest": digest}]
                ),
                "ImageNotFoundException",
            )
        return StoredImage(digest, "", response["imageDetails"][0]["imageManifestMediaType"]) if response else None

    def _client(self) -> ECRPublicClient:
        return self._aws.ecr_public()


def _name(repository: Repository) -> str:
    """Return a repository's name in the API, without the alias."""
    return repository.name.partition("/")[2]
