"""The Registry port on ECR's API."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import result_or_none, translate_errors
from ecr_tasks.clients.ecr.parse import parse_token
from ecr_tasks.clients.ecr.reader import PARALLEL, Reader
from ecr_tasks.clients.ecr.repository_views import RepositoryViews
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.ecr.tokens import Tokens
from ecr_tasks.clients.ecr.untag_rights import UntagRights
from ecr_tasks.clients.manifest_cache import ManifestCache, manifest_folder
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.threads import awaiting_answer
from ecr_tasks.errors import Denied, RegistryError
from ecr_tasks.model.destination import OWN, PUBLIC_REGION, Identity
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository, RepositoryView
from ecr_tasks.settings.settings import Settings

if TYPE_CHECKING:
    from ecr_tasks.clients.ecr.replication import Place


if TYPE_CHECKING:  # and imported by the methods that need them: publishing needs none of these
    from mypy_boto3_ecr.type_defs import ReplicationRuleOutputTypeDef

    from ecr_tasks.clients.ecr.artifacts import EcrArtifacts
    from ecr_tasks.clients.ecr.ecr_public import PublicRegistry
    from ecr_tasks.clients.ecr.identity_session import IdentitySessions
    from ecr_tasks.clients.ecr.public_main import MainPublicRegistry
    from ecr_tasks.clients.ecr.pull_times import PullTimeExclusions
    from ecr_tasks.clients.ecr.registry_settings import RegistrySettings
    from ecr_tasks.clients.ecr.removal import EcrRemoval
    from ecr_tasks.clients.ecr.repositories import EcrRepositories
    from ecr_tasks.clients.ecr.running import RunningImages
    from ecr_tasks.clients.ecr.scans import EcrEvidence
    from ecr_tasks.model.account import Caller
    from ecr_tasks.model.inventory import ImageDetail, ListedImage, ScanSummary
    from ecr_tasks.model.mirror import Mirror


CONFIGS = 200
"""Of how many single images a listing reads the platforms; each is a request for its configuration."""


class EcrRegistry:
    """One account's registry in one region, through boto3.

    ``place`` is the account and region, if they are not those of the settings.
    """

    def __init__(self, settings: Settings, aws: AwsSession | None = None, place: Place | None = None) -> None:
        self._account = place[0] if place else settings.account_id
        self._region = place[1] if place else None
        self._settings = settings
        self._aws = aws or AwsSession(settings)
        self._reader = Reader(self._aws, self._account, self._region, ManifestCache(manifest_folder(os.environ)))
        self._tokens = Tokens(self._aws)
        self._views = RepositoryViews(self._reader, lambda: self.token().host)
        self._rules: list[ReplicationRuleOutputTypeDef] | None = None
        self._rules_lock = Lock()
        self._untag_rights = UntagRights(self.untag)
        self._identities: IdentitySessions | None = None
        self._evidence: EcrEvidence | None = None

    def in_region(self, account: str, region: str, identity: Identity = OWN) -> EcrRegistry:
        """Return the registry of another account or region, with the same credentials or those of an identity."""
        return EcrRegistry(self._settings, self._session_of(identity, region), (account, region))

    def public(self, alias: str, identity: Identity = OWN) -> PublicRegistry:
        """Return ECR Public's registry of the same credentials, or of an identity's."""
        from ecr_tasks.clients.ecr.ecr_public import PublicRegistry

        return PublicRegistry(self._session_of(identity, PUBLIC_REGION), alias)

    def main_public(self, alias: str) -> MainPublicRegistry:
        """Return ECR Public's registry of the same credentials as the settings' own, which is pushed to."""
        from ecr_tasks.clients.ecr.public_main import MainPublicRegistry

        return MainPublicRegistry(self._aws, alias, self._settings.account_id)

    def _session_of(self, identity: Identity, region: str) -> AwsSession:
        """Return the session of an identity, the same one at each call."""
        if identity.is_own:
            return self._aws
        from ecr_tasks.clients.ecr.identity_session import IdentitySessions

        self._identities = self._identities or IdentitySessions(self._aws)
        return self._identities.of(identity, region)

    @property
    def admin(self) -> EcrRepositories:
        """The adapter that creates, changes and deletes the registry's repositories."""
        from ecr_tasks.clients.ecr.repositories import EcrRepositories

        return EcrRepositories(self._reader.client, self._reader.registry_id)

    @property
    def pull_time_exclusions(self) -> PullTimeExclusions:
        """The adapter that excludes principals from the registry's pull times."""
        from ecr_tasks.clients.ecr.pull_times import PullTimeExclusions

        return PullTimeExclusions(self._settings, self._aws)

    def cache_rules(self) -> tuple[Mirror, ...]:
        """Return the registry's pull-through cache rules, as mirrors on its host."""
        from ecr_tasks.clients.ecr.cache_rules import read_cache_rules

        return read_cache_rules(self._reader.client(), self._reader.registry_id, self.token().host)

    @property
    def registry_settings(self) -> RegistrySettings:
        """The adapter that reads and sets what is set on the registry itself."""
        from ecr_tasks.clients.ecr.registry_settings import RegistrySettings

        return RegistrySettings(self._settings, self._aws)

    @property
    def evidence(self) -> EcrEvidence:
        """The adapter that reads the scans and signatures of the registry's images."""
        from ecr_tasks.clients.ecr.scans import EcrEvidence

        self._evidence = self._evidence or EcrEvidence(self._reader.client)
        return self._evidence

    @property
    def removal(self) -> EcrRemoval:
        """The adapter that deletes, archives and restores the registry's images."""
        from ecr_tasks.clients.ecr.removal import EcrRemoval

        return EcrRemoval(self._reader)

    @property
    def running(self) -> RunningImages:
        """The adapter that asks other services of the same credentials which images they run."""
        from ecr_tasks.clients.ecr.running import RunningImages

        return RunningImages(self._aws)

    @property
    def artifacts(self) -> EcrArtifacts:
        """The adapter that attaches documents to the registry's images."""
        from ecr_tasks.clients.ecr.artifacts import EcrArtifacts

        return EcrArtifacts(self._reader)

    def environment(self) -> dict[str, str]:
        """Return the variables with which another program acts as this registry's credentials do."""
        return self._aws.environment()

    def connect(self) -> None:
        """Create the client, which threads must not do."""
        self._reader.client()

    def describe(
        self, repositories: Mapping[str, Sequence[str]], moving: Mapping[str, Collection[str]] | None = None
    ) -> Mapping[str, RepositoryView]:
        """Return repositories and those of the tags that exist; see RepositoryViews."""
        return self._views.describe(repositories, moving)

    def created_on_push(self, name: str) -> RepositoryView:
        """Return the repository that a creation template makes ECR create on push, or a view without one."""
        return self._views.created_on_push(name)

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        """Return an image by tag or digest, or None; with its manifest only where that is in the cache."""
        return self._reader.look(repository.name, [reference]).get(reference)

    def read(self, repository: Repository, image: StoredImage) -> StoredImage:
        """Return an image with its manifest, which counts as a pull where the cache lacks it."""
        return self._reader.read(repository.name, image)

    def remember(self, manifest: str) -> None:
        """Keep a manifest in the cache."""
        self._reader.cache.put(manifest)

    def tag_digests(self, repository: Repository, tags: Sequence[str]) -> dict[str, str]:
        """Return the digests of those of the tags that exist, in calls that were all made after this one."""
        return {tag: image.digest for tag, image in self._reader.look(repository.name, tags).items()}

    def detail(self, repository: Repository, reference: str) -> ImageDetail | None:
        """Return what ECR lists of an image by tag or digest (DescribeImages), or None."""
        from ecr_tasks.clients.ecr import listing

        with self._reader.translate_errors(f"look at an image of {repository.name} (ecr:DescribeImages)"):
            return listing.image_detail(self._reader.client(), repository, reference)

    def images(
        self, repository: Repository, references: Sequence[str], *, expected: bool = False
    ) -> Mapping[str, StoredImage]:
        """Return images by tag or digest, in one call where all are ``expected``; missing ones are left out."""
        return self._reader.look(repository.name, references, expected=expected)

    def tagged(self, repository: Repository, tags: Sequence[str]) -> Mapping[str, StoredImage]:
        """Return the images of those of the tags that exist, a hundred in a call (BatchGetImage).

        A missing tag fails DescribeImages as a whole, which does not count as a pull: that takes a call for each.
        """
        return self._reader.images(repository.name, tags, PARALLEL)

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        """Return the labels of an image's configuration, or of an index's first image; empty when unreadable."""
        from ecr_tasks.clients.ecr.image_config import labels_of

        image = self.read(repository, image)
        if image.is_index:
            first = self.image(repository, image.children[0][1]) if image.children else None
            return self.labels(repository, first) if first is not None and not first.is_index else {}
        return labels_of(self._reader.config(repository.name, image))

    def platform(self, repository: Repository, image: StoredImage) -> str:
        """Return the platform of an image without an index, by its configuration; empty when that can't be read."""
        from ecr_tasks.clients.ecr.image_config import platform_of

        return platform_of(self._reader.config(repository.name, self.read(repository, image)))

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """Return those images by tag or digest that exist, which does not count as a pull."""
        return self._views.find(name, references)

    def referrers(self, repository: Repository, digest: str) -> tuple[str, ...]:
        """Return the digests of the manifests that have an image as subject (ListImageReferrers)."""
        from ecr_tasks.clients.ecr import listing

        with self._reader.translate_errors(
            f"list what refers to images of {repository.name} (ecr:ListImageReferrers)"
        ):
            return tuple(
                manifest["digest"] for manifest in listing.referrers(self._reader.client(), repository, digest)
            )

    def existing_digests(self, repository: Repository, digests: Sequence[str]) -> set[str]:
        """Return the digests that exist in the repository."""
        return set(self.images(repository, digests))

    def inventory(self, name: str, *, read: bool = False) -> tuple[ListedImage, ...]:
        """Return the images of a repository.

        Makes a DescribeImages call per thousand manifests. The platforms are known of images whose manifests are in
        the cache. With ``read``, the others are read, too, a hundred in a call, which counts as a pull of each.
        """
        from ecr_tasks.clients.ecr.image_config import platform_of
        from ecr_tasks.plan.group_manifests import group_manifests

        details = self.details(name)
        indexes = self._reader.known(name, [item for item in details if item.media_type in INDEX_MEDIA_TYPES], read)
        singles = [item for item in details if item.own_tags and item.kind == "image" and item.digest not in indexes]
        images = list(self._reader.known(name, singles, read).values())
        configs = map_parallel(
            lambda image: self._reader.config(name, image), images[:CONFIGS], PARALLEL, self._aws.retrier
        )
        platforms = {image.digest: platform_of(config) for image, config in zip(images, configs, strict=False)}
        return group_manifests(details, indexes, platforms)

    def scan_summaries(self, name: str, digests: Sequence[str]) -> Mapping[str, ScanSummary] | None:
        """Return the summaries of images' scans by digest, with a call for each; None without the permission."""
        from ecr_tasks.clients.ecr import scans

        return scans.scan_summaries(self._reader.client(), name, self._reader.registry_id, digests, self._aws.retrier)

    def details(self, name: str) -> Sequence[ImageDetail]:
        """Return every manifest of a repository, archived ones too (DescribeImages), with one call per thousand."""
        from ecr_tasks.clients.ecr import listing

        with self._reader.translate_errors(f"list the images of {name} (ecr:DescribeImages)"):
            return listing.describe_images(self._reader.client(), name, self._reader.registry_id)

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        """Return every tag (ListImages), or None without that permission, which pushing does not need."""
        from ecr_tasks.clients.ecr import listing

        with translate_errors(f"list the tags of {repository.name} (ecr:ListImages)"):
            return result_or_none(
                lambda: listing.list_tags(self._reader.client(), repository.name, self._reader.registry_id),
                "AccessDeniedException",
            )

    def replicates_to(self, name: str) -> frozenset[Place]:
        """Return where ECR itself replicates a repository to; empty without ecr:DescribeRegistry.

        The rules are read once. DescribeRegistry returns those of the caller's own registry only.
        """
        from ecr_tasks.clients.ecr.replication import places, rules

        with awaiting_answer(), self._rules_lock:
            if self._rules is None:
                try:
                    with translate_errors("read the registry's replication rules (ecr:DescribeRegistry)"):
                        self._rules = rules(self._reader.client())
                except (Denied, RegistryError):  # or a registry that has no rules; what passes is no answer
                    self._rules = []
        return places(self._rules, name)

    def replication(self, repository: Repository, digest: str) -> dict[Place, str]:
        """Return the status of ECR's own replication of an image, by place."""
        from ecr_tasks.clients.ecr.replication import statuses

        action = f"follow the replication of {repository.name} (ecr:DescribeImageReplicationStatus)"
        with self._reader.translate_errors(action):
            return statuses(self._reader.client(), repository, digest)

    def set_tag(
        self, repository: Repository, image: StoredImage, tag: str, again: Callable[[], object] = lambda: None
    ) -> None:
        """Point a tag at an image (PutImage) with the image's own bytes, media type and digest; see set_tag."""
        from ecr_tasks.clients.ecr.set_tag import set_tag

        set_tag(self._reader, repository, image, tag, again)

    def untag(self, repository: Repository, tag: str, digest: str | None = None) -> bool:
        """Remove a tag, and its image with the last one; with ``digest``, only if it has that image.

        Return whether it was there.
        """
        return self.admin.untag(repository.name, tag, digest)

    def delete_image(self, repository: Repository, digest: str) -> None:
        """Delete an image with all its tags (BatchDeleteImage); a missing one is no error."""
        self.admin.delete_image(repository.name, digest)

    def may_untag(self, repository: Repository) -> bool:
        """Return whether these credentials may remove tags of a repository (BatchDeleteImage), asked once."""
        return self._untag_rights.of(repository)

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Return a context that reserves ``puts`` PutImage calls for docker; our own calls are counted anyway."""
        return self._aws.rate_limits.reserve(repository.account, self.region(), self.endpoint(), puts)

    def permit(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Return a context that waits beforehand for ``puts`` calls of :meth:`set_tag`."""
        return self._aws.rate_limits.permit(repository.account, self.region(), self.endpoint(), puts)

    def token(self, region: str | None = None) -> RegistryToken:
        """Return a registry token (GetAuthorizationToken), one for each region until it must be renewed.

        It names this registry's host, but every registry of the region that the credentials may use accepts it.
        """
        place = region or self.region()
        return self._tokens.get(place, lambda: self._fetch_token(place))

    def _fetch_token(self, region: str) -> RegistryToken:
        # Without registryIds, the host is that of the caller's own account (API model, GetAuthorizationToken).
        is_settings_registry = self._account is not None and self._region is None and region == self.region()
        ids: Any = {"registryIds": [self._account]} if is_settings_registry else {}
        with translate_errors("get a registry token (ecr:GetAuthorizationToken)"):
            data = self._aws.ecr(region).get_authorization_token(**ids)["authorizationData"][0]
        return parse_token(data, data["proxyEndpoint"].partition("://")[2].partition("/")[0])

    def login_from_secret(self, host: str, secret: str) -> RegistryToken:
        """Return the login of another registry, which Secrets Manager keeps (GetSecretValue)."""
        from ecr_tasks.clients.ecr.secrets import login

        return login(self._aws, host, secret)

    def caller_account(self) -> str:
        """Return the account that the credentials belong to (STS GetCallerIdentity)."""
        return self._reader.caller_account()

    def caller(self) -> Caller:
        """Return whom STS takes us for (STS GetCallerIdentity)."""
        return self._aws.caller()

    def endpoint(self, region: str | None = None) -> str:
        """Return the URL of the API that the SDK chose, in another region if one is given."""
        return str((self._aws.ecr(region) if region else self._reader.client()).meta.endpoint_url)

    def region(self) -> str:
        """Return the region that the SDK chose."""
        return str(self._reader.client().meta.region_name)
