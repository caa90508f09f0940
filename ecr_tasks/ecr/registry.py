"""The Registry port on ECR's API."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ecr_tasks.ecr.errors import error_code, translated
from ecr_tasks.ecr.repositories import EcrRepositories
from ecr_tasks.ecr.repositories import repository as repository_of
from ecr_tasks.ecr.session import AwsSession
from ecr_tasks.errors import AwsError, EcrTasksError
from ecr_tasks.registry import (
    INDEX_MEDIA_TYPES,
    MANIFEST_MEDIA_TYPES,
    RegistryToken,
    Repository,
    RepositoryView,
    StoredImage,
)
from ecr_tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

PARALLEL = 8
"""How many repositories are looked at at once; far below ECR's 1,000 and 2,000 requests a second."""

BATCH = 100
"""BatchGetImage takes at most 100 ids (API model, ImageIdentifierList)."""


class EcrRegistry:
    """One account's registry in one region, through boto3."""

    def __init__(self, settings: Settings, aws: AwsSession | None = None) -> None:
        self._account = settings.account_id
        self._aws = aws or AwsSession(settings)
        self._tokens: dict[str | None, RegistryToken] = {}

    def look(self, repositories: Mapping[str, Sequence[str]]) -> Mapping[str, RepositoryView]:
        """Two calls a repository (DescribeRepositories, BatchGetImage), several repositories at once.

        Raises AwsError when the credentials belong to another account than the settings name.
        """
        self._aws.ecr()
        if len(repositories) == 1:
            return {name: self._look(name, tags) for name, tags in repositories.items()}
        with ThreadPoolExecutor(PARALLEL) as pool:
            views = pool.map(self._look, repositories, repositories.values())
            return dict(zip(repositories, views, strict=True))

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        """One image by tag or digest, or None."""
        by_digest = reference.startswith("sha256:")
        wanted: ImageIdentifierTypeDef = {"imageDigest": reference} if by_digest else {"imageTag": reference}
        return next(iter(self._get(repository.name, [wanted]).values()), None)

    def images(self, repository: Repository, digests: Sequence[str]) -> Mapping[str, StoredImage]:
        """Several images by digest, in batches of a hundred."""
        found: dict[str, StoredImage] = {}
        for start in range(0, len(digests), BATCH):
            ids: list[ImageIdentifierTypeDef] = [{"imageDigest": digest} for digest in digests[start : start + BATCH]]
            found.update({image.digest: image for image in self._get(repository.name, ids).values()})
        return found

    def set_tag(self, repository: Repository, image: StoredImage, tag: str) -> None:
        """PutImage with the original bytes, media type and digest (ecr.md, Retag)."""
        from botocore.exceptions import ClientError

        with translated(f"point the tag {tag} in {repository.name} at {image.digest}"):
            try:
                self._aws.ecr().put_image(
                    registryId=repository.account,
                    repositoryName=repository.name,
                    imageManifest=image.manifest,
                    imageManifestMediaType=image.media_type,
                    imageDigest=image.digest,
                    imageTag=tag,
                )
            except ClientError as error:
                # The tag points there already: another run was as far as this one.
                if error_code(error) != "ImageAlreadyExistsException" and not self._is(repository, tag, image):
                    raise

    def untag(self, repository: Repository, tag: str) -> None:
        """Takes a tag away, and its image with the last one."""
        self.admin.untag(repository.name, tag)

    @property
    def admin(self) -> EcrRepositories:
        """The repositories themselves: create, set, delete."""
        return EcrRepositories(self._aws.ecr, self._registry_id())

    def token(self, region: str | None = None) -> RegistryToken:
        """GetAuthorizationToken, once a run and region: a token lives twelve hours and knows no other region.

        The decoded value is split at its first colon, the host is ``proxyEndpoint``'s (ecr.md, Tokens).
        """
        if region not in self._tokens:
            client = self._aws.ecr(region)
            with translated("get a registry token (ecr:GetAuthorizationToken)"):
                if self._account and region is None:
                    answer = client.get_authorization_token(registryIds=[self._account])
                else:
                    answer = client.get_authorization_token()
            data = answer["authorizationData"][0]
            username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
            host = urlsplit(data["proxyEndpoint"]).netloc
            self._tokens[region] = RegistryToken(host, username, password)
        return self._tokens[region]

    def region(self) -> str:
        """The region that the SDK settled on."""
        return str(self._aws.ecr().meta.region_name)

    def _look(self, name: str, tags: Sequence[str]) -> RepositoryView:
        repository = self._describe(name)
        if repository is None:
            return RepositoryView(None)
        ids: list[ImageIdentifierTypeDef] = [{"imageTag": tag} for tag in tags]
        return RepositoryView(repository, self._get(name, ids) if ids else {})

    def _describe(self, name: str) -> Repository | None:
        from botocore.exceptions import ClientError

        with translated(f"look at the repository {name}"):
            try:
                answer = self._aws.ecr().describe_repositories(**self._registry_id(), repositoryNames=[name])
                return repository_of(answer["repositories"][0])
            except ClientError as error:
                self._check_account(error)
                if error_code(error) == "RepositoryNotFoundException":
                    return None
                raise

    def _check_account(self, error: Exception) -> None:
        """Names a wrong account, where that is why ECR said no; asked only then, so that it costs nothing."""
        if self._account is None or error_code(error) not in (
            "RepositoryNotFoundException",
            "AccessDeniedException",
        ):
            return
        try:
            caller = self.caller_account()
        except EcrTasksError:  # the first error says more than a second one about the same credentials
            return
        if caller != self._account:
            raise AwsError(
                f"AWS_ACCOUNT_ID is {self._account}, but the credentials belong to account {caller}, "
                "which may not see that registry's repository.",
                "Use the other account's credentials (AWS_PROFILE, ECR_ROLE_ARN), or correct AWS_ACCOUNT_ID.",
            ) from error

    def caller_account(self) -> str:
        """The account that the credentials belong to (STS GetCallerIdentity)."""
        with translated("ask who we are (sts:GetCallerIdentity)"):
            return self._aws.sts().get_caller_identity()["Account"]

    def _get(self, name: str, ids: Sequence[ImageIdentifierTypeDef]) -> dict[str, StoredImage]:
        """BatchGetImage by the key asked for; every media type is accepted, so that none is translated."""
        with translated(f"read images of {name} (ecr:BatchGetImage)"):
            answer = self._aws.ecr().batch_get_image(
                **self._registry_id(),
                repositoryName=name,
                imageIds=ids,
                acceptedMediaTypes=[*INDEX_MEDIA_TYPES, *MANIFEST_MEDIA_TYPES],
            )
        found: dict[str, StoredImage] = {}
        for image in answer["images"]:
            identifier = image["imageId"]
            stored = StoredImage(identifier["imageDigest"], image["imageManifest"], image["imageManifestMediaType"])
            found[identifier.get("imageTag") or stored.digest] = stored
        return found

    def _is(self, repository: Repository, tag: str, image: StoredImage) -> bool:
        """Whether a tag points at an image: immutable repositories report that as a conflict (roadmap#2179)."""
        there = self.image(repository, tag)
        return there is not None and there.digest == image.digest

    def _registry_id(self) -> Any:
        """The registry's account as a parameter, where the settings name one; the caller's is ECR's default."""
        return {"registryId": self._account} if self._account else {}
