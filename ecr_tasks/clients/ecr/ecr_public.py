"""The Target port on ECR Public, which has a separate API in one region, without BatchGetImage and immutable tags.

A tag's digest comes from DescribeImageTags, a manifest's bytes come from the registry itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ecr_tasks.clients.ecr.errors import result_or_none, translate_errors
from ecr_tasks.clients.ecr.image_config import labels_of
from ecr_tasks.clients.ecr.listing import parse_detail
from ecr_tasks.clients.ecr.parse import aws_tags, looked_at, parse_token
from ecr_tasks.clients.ecr.public_evidence import PublicEvidence
from ecr_tasks.clients.ecr.public_reader import PublicArtifacts, PublicReader
from ecr_tasks.clients.ecr.retry import before_each_retry
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.ecr.tokens import Tokens
from ecr_tasks.clients.ecr.untag_rights import UntagRights
from ecr_tasks.clients.manifest_cache import ManifestCache, manifest_folder
from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.account import Caller
from ecr_tasks.model.destination import PUBLIC_HOST, PUBLIC_REGION
from ecr_tasks.model.inventory import ImageDetail, artifact_kind
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import NewRepositories
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
    the alias, and so do the callers of a destination, to whom the alias is the registry's.
    """

    alias_setting = "ECR_DESTINATIONS"
    takes_local_alias = True
    """Whether another alias is taken at a local ECR, which has one for all."""

    def __init__(self, aws: AwsSession, alias: str) -> None:
        self._aws = aws
        self._alias = alias
        self._tokens = Tokens(aws)
        self._untag_rights = UntagRights(self.untag)
        self._local_host: str | None = None
        self._reader = PublicReader(aws, self.host, self.token, ManifestCache(manifest_folder(os.environ)))

    def api_name(self, name: str) -> str:
        """Return the name that the API has for what a caller names."""
        return name

    @property
    def admin(self) -> NewRepositories:
        """The object that creates repositories: this one."""
        return self

    @property
    def artifacts(self) -> PublicArtifacts:
        """The adapter that attaches documents to the registry's images."""
        return PublicArtifacts(self._reader)

    @property
    def evidence(self) -> PublicEvidence:
        """The adapter that tells when images were pushed; ECR Public scans and signs nothing."""
        return PublicEvidence(self.image)

    def connect(self) -> None:
        """Create the client, which must not happen in several threads."""
        self.client()

    def describe(
        self, repositories: Mapping[str, Sequence[str]], moving: Mapping[str, Collection[str]] | None = None
    ) -> Mapping[str, RepositoryView]:
        """Return the repositories of these names, and those of their tags that exist.

        Makes two calls for each repository. The images have no manifest, because the API does not return manifests.
        Raises RegistryError when the alias belongs to another registry.
        """
        return {name: self._describe(self.api_name(name), tags) for name, tags in repositories.items()}

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
        return self._reader.read(repository.name, image)

    def remember(self, manifest: str) -> None:
        """Keep a manifest in the cache, so that it need not be read."""
        self._reader.cache.put(manifest)

    def tag_digests(self, repository: Repository, tags: Sequence[str]) -> dict[str, str]:
        """Return the digests of those of the tags that exist (DescribeImageTags)."""
        existing = self._tags(_name(repository)) if tags else {}
        return {tag: existing[tag].digest for tag in tags if tag in existing}

    def images(
        self, repository: Repository, references: Sequence[str], *, expected: bool = False
    ) -> Mapping[str, StoredImage]:
        """Return images by tag or digest; missing ones are left out. All tags are listed in one call in any case."""
        tags = [reference for reference in references if not reference.startswith("sha256:")]
        images = dict(self.tagged(repository, tags)) if tags else {}
        for digest in (reference for reference in references if reference not in tags):
            if (image := self._image(repository, digest)) is not None:
                images[digest] = image
        return images

    def tagged(self, repository: Repository, tags: Sequence[str]) -> Mapping[str, StoredImage]:
        """Return the images of those of the tags that exist, without their manifests."""
        existing = self._tags(_name(repository))
        return {tag: existing[tag] for tag in tags if tag in existing}

    def existing_digests(self, repository: Repository, digests: Sequence[str]) -> set[str]:
        """Return those of the digests that exist. Makes one call for each: a missing one would fail a common call."""
        return {digest for digest in digests if self._image(repository, digest) is not None}

    def list_tags(self, repository: Repository) -> Sequence[str]:
        """Return every tag."""
        return list(self._tags(_name(repository)))

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        """Return the labels of an image's configuration, or of an index's first image; empty when unreadable."""
        image = self.read(repository, image)
        if image.is_index:
            first = self.image(repository, image.children[0][1]) if image.children else None
            return self.labels(repository, first) if first is not None and not first.is_index else {}
        return labels_of(self._reader.config(repository.name, image))

    def details(self, name: str) -> list[ImageDetail]:
        """Return every manifest of a repository by its name in addresses (DescribeImages, one call per thousand).

        The API doesn't say what a manifest refers to, so those of artifacts are read.
        """
        with translate_errors(f"list the images of {name} (ecr-public:DescribeImages)"):
            pages = (
                self.client()
                .get_paginator("describe_images")
                .paginate(repositoryName=name.partition("/")[2], PaginationConfig={"PageSize": PAGE})
            )
            details = [parse_detail(data) for page in pages for data in page["imageDetails"]]
        artifacts = [item for item in details if artifact_kind(item.artifact_type) not in ("image", "cache")]
        read = self._reader.known(name, artifacts, True)
        subjects = {digest: image.document.get("subject") for digest, image in read.items()}
        return [
            replace(item, subject=subject["digest"])
            if isinstance(subject := subjects.get(item.digest), dict)
            else item
            for item in details
        ]

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """Return a repository and those of its images that have one of these tags or digests."""
        digests = [reference for reference in references if reference.startswith("sha256:")]
        view = self._describe(
            self.api_name(name), [reference for reference in references if reference not in digests]
        )
        if view.repository is None:
            return view
        images = {digest: image for digest in digests if (image := self._image(view.repository, digest)) is not None}
        return RepositoryView(view.repository, {**view.tags, **images})

    def set_tag(
        self, repository: Repository, image: StoredImage, tag: str, again: Callable[[], object] = lambda: None
    ) -> None:
        """Point a tag at an image (PutImage) with the image's own bytes, media type and digest."""
        image = self.read(repository, image)
        action = f"point the tag {tag} in {repository.name} at {image.digest} (ecr-public:PutImage)"
        with translate_errors(action), before_each_retry(again):
            result_or_none(
                lambda: self.client().put_image(
                    repositoryName=_name(repository),
                    imageManifest=image.manifest,
                    imageManifestMediaType=image.media_type,
                    imageDigest=image.digest,
                    imageTag=tag,
                ),
                "ImageAlreadyExistsException",  # the tag points at the image already
            )

    def untag(self, repository: Repository, tag: str, digest: str | None = None) -> bool:
        """Remove a tag (BatchDeleteImage), with ``digest`` only from that image; return whether it was there."""
        action = f"take the tag {tag} from its image in {repository.name} (ecr-public:BatchDeleteImage)"
        with translate_errors(action):
            response = self.client().batch_delete_image(
                repositoryName=_name(repository),
                imageIds=[{"imageTag": tag, **({"imageDigest": digest} if digest else {})}],
            )
        return not response.get("failures")

    def delete_image(self, repository: Repository, digest: str) -> None:
        """Delete an image with all its tags (BatchDeleteImage); a missing one is no error."""
        with translate_errors(f"delete {digest} from {repository.name} (ecr-public:BatchDeleteImage)"):
            self.client().batch_delete_image(repositoryName=_name(repository), imageIds=[{"imageDigest": digest}])

    def may_untag(self, repository: Repository) -> bool:
        """Return whether these credentials may remove tags of a repository (BatchDeleteImage), asked once."""
        return self._untag_rights.of(repository)

    def replicates_to(self, name: str) -> frozenset[tuple[str, str]]:
        """Return no place: ECR Public replicates nothing to other registries."""
        return frozenset()

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Return a context that does not wait: ECR Public's quotas are higher than a run's calls."""
        return nullcontext()

    def permit(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Return a context that does not wait, as :meth:`reserve` does."""
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

    def host(self) -> str:
        """Return the registry's host: ECR Public's, or that which a local ECR names (DescribeRegistries)."""
        endpoint = urlsplit(self.client().meta.endpoint_url)
        if (endpoint.hostname or "").endswith(AWS_DOMAINS):
            return PUBLIC_HOST
        if self._local_host is None:
            self._local_host = self._registry_host() or endpoint.netloc
        return self._local_host

    def _registry_host(self) -> str | None:
        return next((uri.partition("/")[0] for uri in self._registry_uris()), None)

    def _check_registry(self) -> None:
        """Raise RegistryError when the credentials' registry is known to have another alias."""
        for uri in self._registry_uris():
            host, _, alias = uri.partition("/")
            if alias:
                self._check_alias(host, alias)

    def _registry_uris(self) -> list[str]:
        """Return the URI of the credentials' registry, with its primary alias; empty where it can't be had.

        An emulator may not have this call, and few policies allow it.
        """
        try:
            with translate_errors("ask for the public registry (ecr-public:DescribeRegistries)"):
                registries = self.client().describe_registries()["registries"]
        except EcrTasksError:
            return []
        return [item["registryUri"] for item in registries]

    def _fetch_token(self) -> RegistryToken:
        action = "get a token for ECR Public (ecr-public:GetAuthorizationToken, sts:GetServiceBearerToken)"
        with translate_errors(action):
            data = self.client().get_authorization_token()["authorizationData"]
        return parse_token(data, self.host())

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        """Create a repository with the wanted AWS tags, its only setting; return None when it exists already.

        Raises RegistryError, with nothing created, when the alias is another registry's.
        """
        self._check_registry()
        tags: Any = {"tags": aws_tags(wanted)} if wanted.tags else {}
        with translate_errors(f"create the public repository {name} (ecr-public:CreateRepository)"):
            response = result_or_none(
                lambda: self.client().create_repository(repositoryName=self.api_name(name), **tags),
                "RepositoryAlreadyExistsException",
            )
        return self._repository(response["repository"]) if response else None

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        """Do nothing: a public repository has no lifecycle policy, and everybody may pull from it."""

    def _describe(self, name: str, tags: Sequence[str]) -> RepositoryView:
        with translate_errors(f"look at the public repository {name} (ecr-public:DescribeRepositories)"):
            response = result_or_none(
                lambda: self.client().describe_repositories(repositoryNames=[name]),
                "RepositoryNotFoundException",
                "RegistryNotFoundException",
            )
        if response is None:  # what is missing in this registry may be there in the one that is meant
            self._check_registry()
            return RepositoryView(None)
        repository = self._repository(response["repositories"][0])
        existing = self._tags(name) if tags else {}
        return RepositoryView(repository, {tag: existing[tag] for tag in tags if tag in existing})

    def _repository(self, data: RepositoryTypeDef) -> Repository:
        """Convert a repository of the API. Raises RegistryError when its registry has another alias."""
        host, _, name = data["repositoryUri"].partition("/")
        alias = name.partition("/")[0]
        self._check_alias(host, alias)
        return Repository(name, data["registryId"], data["repositoryUri"])

    def _check_alias(self, host: str, alias: str) -> None:
        """Raise RegistryError for the alias of another registry than is meant."""
        if alias != self._alias and (host == PUBLIC_HOST or not self.takes_local_alias):
            raise RegistryError(
                f"The public registry of these credentials has the alias {alias}, not {self._alias}.",
                f"Correct the alias in {self.alias_setting}, or use the other account's credentials.",
            )

    def _tags(self, name: str) -> dict[str, StoredImage]:
        """Return the images of all tags, without their manifests."""
        with translate_errors(f"list the tags of the public repository {name} (ecr-public:DescribeImageTags)"):
            pager = self.client().get_paginator("describe_image_tags")
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
                lambda: self.client().describe_images(
                    repositoryName=_name(repository), imageIds=[{"imageDigest": digest}]
                ),
                "ImageNotFoundException",
            )
        return looked_at(response["imageDetails"][0]) if response else None

    def client(self) -> ECRPublicClient:
        """Return the API client, created once; the first call must not come from a thread."""
        return self._aws.ecr_public()


def _name(repository: Repository) -> str:
    """Return a repository's name in the API, without the alias."""
    return repository.name.partition("/")[2]
