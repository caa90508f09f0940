"""The Registry port on ECR Public: the settings' own repositories are public ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.ecr_public import PublicRegistry
from ecr_tasks.clients.ecr.errors import (
    result_or_none,
    translate_errors,
    translate_setting_errors,
    wrong_account,
)
from ecr_tasks.clients.ecr.image_config import platform_of
from ecr_tasks.clients.ecr.listing import parse_detail
from ecr_tasks.clients.ecr.parse import aws_tags
from ecr_tasks.clients.ecr.repositories import deleted
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.model.repository import DesiredRepository, Difference, RepositoryState

if TYPE_CHECKING:
    from ecr_tasks.model.inventory import ListedImage, ScanSummary


class MainPublicRegistry(PublicRegistry):
    """The public registry that images are pushed to; its repositories are named with the alias, as in an address."""

    alias_setting = "ECR_REPOSITORY"
    takes_local_alias = False

    def __init__(self, aws: AwsSession, alias: str, account: str | None) -> None:
        super().__init__(aws, alias)
        self._account = account

    def api_name(self, name: str) -> str:
        """Return a name without the alias."""
        return name.partition("/")[2]

    def describe(
        self, repositories: Mapping[str, Sequence[str]], moving: Mapping[str, Collection[str]] | None = None
    ) -> Mapping[str, RepositoryView]:
        """Return the repositories of these names, and those of their tags that exist.

        Raises AwsError when the credentials belong to another account than the settings name.
        """
        views = super().describe(repositories, moving)
        for view in views.values():
            if self._account is not None:
                account = view.repository.account if view.repository is not None else self.caller_account()
                if account != self._account:
                    raise wrong_account(self._account, account)
        return views

    @property
    def admin(self) -> PublicRepositories:
        """The adapter that creates, changes and deletes the registry's repositories."""
        return PublicRepositories(self)

    def caller_account(self) -> str:
        """Return the account that the credentials belong to (STS), which is the registry's."""
        return self.caller().account

    def endpoint(self, region: str | None = None) -> str:
        """Return the URL of the API that the SDK chose; ECR Public has one for all regions."""
        return str(self.client().meta.endpoint_url)

    def environment(self) -> dict[str, str]:
        """Return the variables with which another program acts as this registry's credentials do."""
        return self._aws.environment()

    def replication(self, repository: Repository, digest: str) -> dict[tuple[str, str], str]:
        """Return no place: ECR Public replicates nothing."""
        return {}

    def referrers(self, repository: Repository, digest: str) -> tuple[str, ...]:
        """Return the digests of the manifests that have an image as subject."""
        return tuple(item.digest for item in self.artifacts.list(repository, digest))

    def platform(self, repository: Repository, image: StoredImage) -> str:
        """Return the platform of an image without an index, by its configuration; empty when that can't be read."""
        return platform_of(self._reader.config(repository.name, self.read(repository, image)))

    def detail(self, repository: Repository, reference: str) -> ImageDetail | None:
        """Return what ECR Public lists of an image by tag or digest (DescribeImages), or None."""
        key = "imageDigest" if reference.startswith("sha256:") else "imageTag"
        ids: Any = [{key: reference}]
        with translate_errors(f"look at an image of {repository.name} (ecr-public:DescribeImages)"):
            response = result_or_none(
                lambda: self.client().describe_images(repositoryName=self.api_name(repository.name), imageIds=ids),
                "ImageNotFoundException",
            )
        return next(map(parse_detail, response["imageDetails"]), None) if response else None

    def inventory(self, name: str, *, read: bool = False) -> tuple[ListedImage, ...]:
        """Return the images of a repository.

        ``read`` is of no account: what is missing in the cache is read, as that is no pull that counts anywhere.
        """
        from ecr_tasks.plan.group_manifests import group_manifests

        details = self.details(name)
        indexes = self._reader.known(name, [item for item in details if item.media_type in INDEX_MEDIA_TYPES], True)
        singles = [item for item in details if item.own_tags and item.kind == "image" and item.digest not in indexes]
        images = list(self._reader.known(name, singles, read).values())
        configs = map_parallel(lambda image: self._reader.config(name, image), images, 4, self._aws.retrier)
        platforms = {image.digest: platform_of(config) for image, config in zip(images, configs, strict=True)}
        return group_manifests(details, indexes, platforms)

    def scan_summaries(self, name: str, digests: Sequence[str]) -> Mapping[str, ScanSummary]:
        """Return no scans: ECR Public has none."""
        return {}


class PublicRepositories:
    """The repositories of a public registry: their AWS tags are all that is set on them here."""

    def __init__(self, registry: MainPublicRegistry) -> None:
        self._registry = registry
        self._client = registry.client

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        """Create a repository; return None when it exists already."""
        return self._registry.create(name, wanted)

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        """Do nothing: a public repository has no lifecycle policy, and everybody may pull from it."""

    def state(self, name: str) -> RepositoryState | None:
        """Return what is set on a repository, or None when it does not exist."""
        repository = self._registry.describe({name: ()})[name].repository
        if repository is None:
            return None
        arn = f"arn:aws:ecr-public::{repository.account}:repository/{self._registry.api_name(name)}"
        with translate_errors(f"read the tags of {name} (ecr-public:ListTagsForResource)"):
            tags = self._client().list_tags_for_resource(resourceArn=arn)["tags"]
        return RepositoryState(
            repository,
            arn,
            tags=MappingProxyType({tag["Key"]: tag["Value"] for tag in tags if "Key" in tag and "Value" in tag}),
        )

    def change(self, state: RepositoryState, difference: Difference, wanted: DesiredRepository) -> None:
        """Set the AWS tags of a repository as wanted."""
        name = state.repository.name
        with translate_errors(f"tag the repository {name} (ecr-public:TagResource)"), translate_setting_errors():
            self._client().tag_resource(resourceArn=state.arn, tags=aws_tags(wanted))

    def would_expire(self, name: str, lifecycle: str) -> int:
        """Return none: there is no lifecycle policy."""
        return 0

    def delete(self, name: str, *, force: bool) -> bool:
        """Delete a repository; return False when it does not exist.

        Raises Refused when it holds images and ``force`` is False.
        """
        with translate_errors(f"delete the repository {name} (ecr-public:DeleteRepository)"):
            api_name = self._registry.api_name(name)
            return deleted(name, lambda: self._client().delete_repository(repositoryName=api_name, force=force))
