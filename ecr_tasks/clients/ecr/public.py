"""The Target port on ECR Public: its own API in one region, no BatchGetImage, nothing immutable.

Only what publishing to it as a destination needs. A tag's digest comes from DescribeImageTags, a manifest's bytes
from the registry itself.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import error_code, translated
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.destination import PUBLIC_HOST
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository, RepositoryView
from ecr_tasks.model.repository import DesiredRepository

if TYPE_CHECKING:
    from mypy_boto3_ecr_public.client import ECRPublicClient
    from mypy_boto3_ecr_public.type_defs import ImageTagDetailTypeDef, RepositoryTypeDef

PAGE = 1000
"""The most that one page holds (ECR Public's API model, MaxResults)."""


class PublicRegistry:
    """The caller's public registry.

    A repository's name has the registry's alias before it here, as its address has; the API knows it without.
    ``read`` gives a manifest's bytes by ``host/repository@digest``.
    """

    def __init__(self, aws: AwsSession, alias: str, read: Callable[[str], str]) -> None:
        self._aws = aws
        self._alias = alias
        self._read = read
        self._token: RegistryToken | None = None

    def connect(self) -> None:
        """Makes the client, which threads must not do."""
        self._client()

    def describe(self, repositories: Mapping[str, Sequence[str]]) -> Mapping[str, RepositoryView]:
        """Two calls a repository; the images have a digest and no manifest, which the API doesn't tell.

        ``repositories`` are named without the alias. Raises RegistryError where the alias is another registry's.
        """
        return {name: self._look(name, tags) for name, tags in repositories.items()}

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        """One image by tag or digest, its manifest read from the registry."""
        if reference.startswith("sha256:"):
            found = self._detail(repository, reference)
        else:
            tags = self._tags(_name(repository))
            found = _described(tags[reference]) if reference in tags else None
        if found is None:
            return None
        return StoredImage(found.digest, self._read(f"{repository.uri}@{found.digest}"), found.media_type)

    def images(self, repository: Repository, digests: Sequence[str]) -> Mapping[str, StoredImage]:
        """Several by digest."""
        found = ((digest, self.image(repository, digest)) for digest in digests)
        return {digest: image for digest, image in found if image is not None}

    def present(self, repository: Repository, digests: Sequence[str]) -> set[str]:
        """Those of the digests that are there; a call each, as one that is missing would fail them all."""
        return {digest for digest in digests if self._detail(repository, digest) is not None}

    def list_tags(self, repository: Repository) -> Sequence[str]:
        """Every tag, a thousand a page."""
        return list(self._tags(_name(repository)))

    def set_tag(self, repository: Repository, image: StoredImage, tag: str) -> None:
        """PutImage with the original bytes, media type and digest."""
        from botocore.exceptions import ClientError

        with translated(f"point the tag {tag} in {repository.name} at {image.digest} (ecr-public:PutImage)"):
            try:
                self._client().put_image(
                    repositoryName=_name(repository),
                    imageManifest=image.manifest,
                    imageManifestMediaType=image.media_type,
                    imageDigest=image.digest,
                    imageTag=tag,
                )
            except ClientError as error:
                if error_code(error) != "ImageAlreadyExistsException":  # it points there already
                    raise

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """Tags and digests of a repository, by what was asked for."""
        view = self._look(name, [item for item in references if not item.startswith("sha256:")])
        if view.repository is None:
            return view
        digests = [item for item in references if item.startswith("sha256:")]
        details = ((digest, self._detail(view.repository, digest)) for digest in digests)
        return RepositoryView(
            view.repository, {**view.tags, **{digest: image for digest, image in details if image is not None}}
        )

    def untag(self, repository: Repository, tag: str) -> None:
        """BatchDeleteImage by tag; one that isn't there is as good."""
        with translated(f"take the tag {tag} from its image in {repository.name} (ecr-public:BatchDeleteImage)"):
            self._client().batch_delete_image(repositoryName=_name(repository), imageIds=[{"imageTag": tag}])

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Room at once: ECR Public's quotas are others, and two tasks can't reach them."""
        del repository, puts
        return nullcontext()

    def token(self) -> RegistryToken:
        """GetAuthorizationToken, once a run; it needs sts:GetServiceBearerToken as well (ecr.md)."""
        if self._token is None:
            with translated(
                "get a token for ECR Public (ecr-public:GetAuthorizationToken, sts:GetServiceBearerToken)"
            ):
                answer = self._client().get_authorization_token()
            username, _, password = (
                base64.b64decode(answer["authorizationData"]["authorizationToken"]).decode().partition(":")
            )
            self._token = RegistryToken(PUBLIC_HOST, username, password)
        return self._token

    @property
    def admin(self) -> PublicRegistry:
        """The repositories themselves: what of it there is to do here."""
        return self

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        """CreateRepository; None where there is one already. Of what is wanted only the AWS tags exist here."""
        from botocore.exceptions import ClientError

        tags: Any = (
            {"tags": [{"Key": key, "Value": value} for key, value in wanted.tags.items()]} if wanted.tags else {}
        )
        with translated(f"create the public repository {name} (ecr-public:CreateRepository)"):
            try:
                answer = self._client().create_repository(repositoryName=name, **tags)
            except ClientError as error:
                if error_code(error) != "RepositoryAlreadyExistsException":
                    raise
                return None
        return self._checked(answer["repository"])

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        """Nothing: there is no lifecycle, and whom a public repository is for is clear."""
        del name, wanted

    def _look(self, name: str, tags: Sequence[str]) -> RepositoryView:
        from botocore.exceptions import ClientError

        with translated(f"look at the public repository {name} (ecr-public:DescribeRepositories)"):
            try:
                answer = self._client().describe_repositories(repositoryNames=[name])
            except ClientError as error:
                if error_code(error) not in ("RepositoryNotFoundException", "RegistryNotFoundException"):
                    raise
                return RepositoryView(None)
        repository = self._checked(answer["repositories"][0])
        held = self._tags(name) if tags else {}
        return RepositoryView(repository, {tag: _described(held[tag]) for tag in tags if tag in held})

    def _checked(self, data: RepositoryTypeDef) -> Repository:
        """The repository, if it is of the registry that the settings mean."""
        host, _, name = data["repositoryUri"].partition("/")
        alias = name.partition("/")[0]
        if host == PUBLIC_HOST and alias != self._alias:
            raise RegistryError(
                f"The public registry of these credentials has the alias {alias}, not {self._alias}.",
                "Correct the alias in ECR_DESTINATIONS, or use the other account's credentials.",
            )
        return Repository(name, data["registryId"], data["repositoryUri"])

    def _tags(self, name: str) -> dict[str, ImageTagDetailTypeDef]:
        with translated(f"list the tags of the public repository {name} (ecr-public:DescribeImageTags)"):
            pages = (
                self._client()
                .get_paginator("describe_image_tags")
                .paginate(repositoryName=name, PaginationConfig={"PageSize": PAGE})
            )
            return {item["imageTag"]: item for page in pages for item in page["imageTagDetails"]}

    def _detail(self, repository: Repository, digest: str) -> StoredImage | None:
        """A digest, if it is there, without its manifest."""
        from botocore.exceptions import ClientError

        with translated(f"look for {digest} in {repository.name} (ecr-public:DescribeImages)"):
            try:
                answer = self._client().describe_images(
                    repositoryName=_name(repository), imageIds=[{"imageDigest": digest}]
                )
            except ClientError as error:
                if error_code(error) != "ImageNotFoundException":
                    raise
                return None
        (found,) = answer["imageDetails"]
        return StoredImage(digest, "{}", found["imageManifestMediaType"])

    def _client(self) -> ECRPublicClient:
        return self._aws.ecr_public()


def _name(repository: Repository) -> str:
    """A repository's name as the API has it, without the alias."""
    return repository.name.partition("/")[2]


def _described(item: ImageTagDetailTypeDef) -> StoredImage:
    """What DescribeImageTags tells: no manifest."""
    detail = item["imageDetail"]
    return StoredImage(detail["imageDigest"], "{}", detail["imageManifestMediaType"])
