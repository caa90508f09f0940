"""The Registry port on ECR's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import error_code, full_of_tags, translated
from ecr_tasks.clients.ecr.parse import by_reference, registry_host, token_of
from ecr_tasks.clients.ecr.reader import BATCH, Reader, identifier
from ecr_tasks.clients.ecr.replication import Place, places, rules, statuses
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, StoredImage
from ecr_tasks.model.refusals import locked_tag
from ecr_tasks.model.registry import RegistryToken, Repository, RepositoryView
from ecr_tasks.settings.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ReplicationRuleOutputTypeDef

    from ecr_tasks.clients.ecr.public import PublicRegistry
    from ecr_tasks.clients.ecr.repositories import EcrRepositories
    from ecr_tasks.clients.ecr.scans import EcrEvidence
    from ecr_tasks.model.inventory import ListedImage

PARALLEL = 8
"""How many repositories are looked at at once; far below ECR's 1,000 and 2,000 requests a second."""


class EcrRegistry:
    """One account's registry in one region, through boto3."""

    def __init__(
        self, settings: Settings, aws: AwsSession | None = None, place: tuple[str, str] | None = None
    ) -> None:
        self._account = place[0] if place else settings.account_id
        self._region = place[1] if place else None
        self._settings = settings
        self._aws = aws or AwsSession(settings)
        self._reader = Reader(self._aws, self._account, self._region)
        self._tokens: dict[str, RegistryToken] = {}
        self._rules: list[ReplicationRuleOutputTypeDef] | None = None

    def in_region(self, account: str, region: str) -> EcrRegistry:
        """Another account's or region's registry, with the same credentials."""
        return EcrRegistry(self._settings, self._aws, (account, region))

    def describe(self, repositories: Mapping[str, Sequence[str]]) -> Mapping[str, RepositoryView]:
        """Two calls a repository (DescribeRepositories, BatchGetImage), several repositories at once.

        One call more for every hundred tags beyond the first.
        Raises AwsError when the credentials belong to another account than the settings name.
        """
        self._reader.client()
        views = map_parallel(
            lambda name: self._look(name, repositories[name]), [*repositories], PARALLEL, self._aws.retrier
        )
        return dict(zip(repositories, views, strict=True))

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        """One image by tag or digest, or None."""
        return next(iter(self._reader.get(repository.name, [identifier(reference)]).values()), None)

    def images(self, repository: Repository, digests: Sequence[str]) -> Mapping[str, StoredImage]:
        """Several images by digest, in batches of a hundred."""
        return self._reader.all(repository.name, digests)

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        """The labels of an image's configuration, or of an index's first image's; none where they can't be had."""
        from ecr_tasks.clients.ecr.image_config import read

        if image.is_index:
            first = self.image(repository, image.children[0][1]) if image.children else None
            return self.labels(repository, first) if first is not None and not first.is_index else {}
        return read(self._reader.client(), repository, image.config_digest) if image.config_digest else {}

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """One BatchGetImage of tags and digests, at most a hundred, by what was asked for.

        The repository (None when nothing was found) is where it is and no more: its mutability is not asked for.
        """
        images = self._reader.batch(name, [identifier(reference) for reference in references])
        if not images:
            return RepositoryView(None)
        account = images[0]["registryId"]
        host = registry_host(str(self._reader.client().meta.endpoint_url), account, own=self._region is None)
        repository = Repository(name, account, f"{host}/{name}") if host else self._reader.describe(name)
        return RepositoryView(repository, by_reference(images, references))

    def referrers(self, repository: Repository, digest: str) -> tuple[str, ...]:
        """The digests of what has an image as its subject: signatures, attestations, SBOMs (ListImageReferrers)."""
        from ecr_tasks.clients.ecr.listing import referrers

        with self._reader.asking(f"list what refers to images of {repository.name} (ecr:ListImageReferrers)"):
            return tuple(item["digest"] for item in referrers(self._reader.client(), repository, digest))

    def present(self, repository: Repository, digests: Sequence[str]) -> set[str]:
        """Those of the digests that are there."""
        return set(self._reader.all(repository.name, digests))

    def replicates_to(self, name: str) -> frozenset[Place]:
        """Where ECR replicates a repository to by itself; nowhere without ecr:DescribeRegistry. Asked once a run.

        DescribeRegistry knows the caller's own registry alone: another account's rules are its own business.
        """
        if self._rules is None:
            try:
                with translated("read the registry's replication rules (ecr:DescribeRegistry)"):
                    self._rules = rules(self._reader.client())
            except EcrTasksError:
                self._rules = []
        return places(self._rules, name)

    def replication(self, repository: Repository, digest: str) -> dict[Place, str]:
        """How far ECR's own replication of one image is."""
        with self._reader.asking(f"follow the replication of {repository.name} (ecr:DescribeImageReplicationStatus)"):
            return statuses(self._reader.client(), repository, digest)

    def public(self, alias: str, read: Callable[[str], str]) -> PublicRegistry:
        """ECR Public's registry of the same credentials; ``read`` gives a manifest by its reference."""
        from ecr_tasks.clients.ecr.public import PublicRegistry

        return PublicRegistry(self._aws, alias, read)

    def connect(self) -> None:
        """Makes the client, which threads must not do."""
        self._reader.client()

    def inventory(self, name: str) -> tuple[ListedImage, ...]:
        """What a repository holds, folded: a DescribeImages for a thousand, a BatchGetImage for a hundred indexes."""
        from ecr_tasks.clients.ecr.listing import describe
        from ecr_tasks.plan.inventory import group_manifests

        with self._reader.asking(f"list the images of {name} (ecr:DescribeImages)"):
            details = describe(self._reader.client(), name, self._reader.registry_id)
        indexes = [item.digest for item in details if item.media_type in INDEX_MEDIA_TYPES]
        return group_manifests(details, self._reader.all(name, indexes))

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        """ListImages, a thousand a page; None without that permission, which pushing does not need."""
        from botocore.exceptions import ClientError

        with translated(f"list the tags of {repository.name} (ecr:ListImages)"):
            lister = self._reader.client().get_paginator("list_images")
            pages = lister.paginate(
                **self._reader.registry_id,
                repositoryName=repository.name,
                filter={"tagStatus": "TAGGED"},
                PaginationConfig={"PageSize": 1000},
            )
            try:
                return [image["imageTag"] for page in pages for image in page["imageIds"] if "imageTag" in image]
            except ClientError as error:
                if error_code(error) != "AccessDeniedException":
                    raise
        return None

    def set_tag(self, repository: Repository, image: StoredImage, tag: str) -> None:
        """Point a tag at an image (PutImage) with the image's own bytes, media type and digest.

        A tag that points there already is left alone. Raises Refused when the repository locks the tag for another
        image, RegistryError when the image can have no more tags.
        """
        from botocore.exceptions import ClientError

        with translated(f"point the tag {tag} in {repository.name} at {image.digest}"):
            try:
                self._reader.client().put_image(
                    registryId=repository.account,
                    repositoryName=repository.name,
                    imageManifest=image.manifest,
                    imageManifestMediaType=image.media_type,
                    imageDigest=image.digest,
                    imageTag=tag,
                )
            except ClientError as error:
                # ImageAlreadyExists: the tag points there; another run was faster, or our first answer was lost.
                code = error_code(error)
                if code == "ImageTagAlreadyExistsException":
                    self._refuse_other(repository, image, tag, error)
                elif code == "LimitExceededException":
                    raise full_of_tags(tag, repository.name, image.digest) from error
                elif code != "ImageAlreadyExistsException":
                    raise

    def _refuse_other(self, repository: Repository, image: StoredImage, tag: str, error: Exception) -> None:
        """Raise Refused unless the tag points at the image: an immutable repository reports both as a conflict.

        See aws/containers-roadmap#2179.
        """
        existing = self.image(repository, tag)
        if existing is None:  # deleted meanwhile
            raise error
        if existing.digest != image.digest:
            raise locked_tag(
                tag,
                f"in {repository.name}",
                existing.digest,
                f"this image is {image.digest}",
                "immutable",
                revision=existing.revision,
                remedy="Publish under another tag, or add an exclusion filter that matches it.",
            ) from error

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Leaves room for so many PutImage of docker's inside, beside our own, which are counted anyway."""
        return self._aws.budgets.of(repository.account, self.region()).reserve(puts)

    def untag(self, repository: Repository, tag: str) -> None:
        """Takes a tag away, and its image with the last one."""
        self.admin.untag(repository.name, tag)

    @property
    def admin(self) -> EcrRepositories:
        """The repositories themselves: create, set, delete."""
        from ecr_tasks.clients.ecr.repositories import EcrRepositories

        return EcrRepositories(self._reader.client, self._reader.registry_id)

    @property
    def evidence(self) -> EcrEvidence:
        """What ECR knows about images: scans and signatures."""
        from ecr_tasks.clients.ecr.scans import EcrEvidence

        return EcrEvidence(self._reader.client)

    def token(self, region: str | None = None) -> RegistryToken:
        """GetAuthorizationToken, once a run and region: a token lives twelve hours and knows no other region.

        It is for this registry's host, and good for every registry of the region that the credentials may use.
        """
        own = self.region()
        wanted = region or own
        if wanted not in self._tokens:
            # Its address would else be that of the caller's own account (API model, GetAuthorizationToken).
            named = self._account is not None and self._region is None and wanted == own
            ids: Any = {"registryIds": [self._account]} if named else {}
            with translated("get a registry token (ecr:GetAuthorizationToken)"):
                answer = self._aws.ecr(wanted).get_authorization_token(**ids)
            self._tokens[wanted] = token_of(answer["authorizationData"][0])
        return self._tokens[wanted]

    def caller_account(self) -> str:
        """The account that the credentials belong to (STS GetCallerIdentity)."""
        return self._reader.caller_account()

    def region(self) -> str:
        """The region that the SDK settled on."""
        return str(self._reader.client().meta.region_name)

    def _look(self, name: str, tags: Sequence[str]) -> RepositoryView:
        repository = self._reader.describe(name)
        if repository is None:
            return RepositoryView(None)
        found: dict[str, StoredImage] = {}
        for start in range(0, len(tags), BATCH):
            found.update(self._reader.get(name, [{"imageTag": tag} for tag in tags[start : start + BATCH]]))
        return RepositoryView(repository, found)
