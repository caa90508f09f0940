"""The interfaces of Docker and of registries, which clients/ implements and tests replace by fakes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository, RepositoryView
from ecr_tasks.model.repository import DesiredRepository, Difference, RepositoryState
from ecr_tasks.model.scan import ScanResult


@dataclass(frozen=True)
class Engine:
    """A docker engine with the builder that builds and the image store that images are loaded into.

    ``containerd_store`` tells the two stores apart: only containerd's holds indexes and attestations.
    ``driver`` is buildx's: ``docker`` builds inside the engine, the others beside it.
    """

    containerd_store: bool
    platform: str
    builder: str
    driver: str


@dataclass(frozen=True)
class BuildResult:
    """One finished image.

    ``digest`` is the manifest's or index's; None from a classic store, which makes a manifest only when it
    pushes. ``image_id`` is the store's name of the image; None when the result stays with the builder.
    ``platforms`` are those that it was built for, as far as buildx names them.
    """

    name: str
    digest: str | None
    image_id: str | None
    platforms: tuple[str, ...] = ()


class Docker(Protocol):
    """A docker CLI with buildx."""

    def engine(self, builder: str | None) -> Engine:
        """Return the engine and its builder. Raises BuildError when there is no engine or no buildx."""

    def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        """Build all inputs at once and return their results by name. Raises BuildError with the failing step."""

    def targets(self, file: str) -> Mapping[str, BuildDefinition]:
        """Return the targets of a bake or compose file."""

    def image_id(self, reference: str) -> str | None:
        """Return the local image's id, or None when the store has no such image."""

    def image_digest(self, reference: str, builder: str | None, *, local: bool) -> str | None:
        """Return a base image's digest: the local store's (None: it has no such image), or else the registry's."""

    def tag(self, source: str, target: str) -> None:
        """Give a local image one more name."""

    def push(self, reference: str) -> None:
        """Push one name. Raises RegistryError with the registry's own message."""

    def pull(self, reference: str, platform: str | None) -> None:
        """Pull one name. Raises RegistryError with the registry's own message."""

    def copy(self, source: str, targets: Sequence[str]) -> Mapping[str, EcrTasksError]:
        """Copy an image to several registries at once and return the errors of those that lack it then.

        Its layers and children are copied as well. All references are by the same digest.
        """

    def manifest(self, reference: str) -> str:
        """Return a manifest as its registry holds it, byte for byte."""

    def authorize(self, token: RegistryToken) -> None:
        """Add a registry's token to this run's private docker configuration."""


class Target(Protocol):
    """A registry to publish to: an account's in one region, or ECR Public."""

    def describe(self, repositories: Mapping[str, Sequence[str]]) -> Mapping[str, RepositoryView]:
        """Return repositories and those of the named tags that exist, with at most two calls for each repository."""

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        """Return an image by tag or ``sha256:`` digest, with its manifest's own bytes, or None."""

    def images(self, repository: Repository, digests: Sequence[str]) -> Mapping[str, StoredImage]:
        """Return images by digest; missing ones are left out."""

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        """Return every tag, or None without the permission to list them."""

    def set_tag(self, repository: Repository, image: StoredImage, tag: str) -> None:
        """Point a tag at an image of the repository (PutImage). Raises Refused when the tag is locked."""

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Return a context that waits for room for so many PutImage calls of docker's, and holds it."""

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """Return images by tag or digest in one call; the view's repository is without its mutability."""

    def existing_digests(self, repository: Repository, digests: Sequence[str]) -> Collection[str]:
        """Return those of the digests that exist."""

    def untag(self, repository: Repository, tag: str) -> None:
        """Remove a tag, and its image with the last one; a missing tag is no error."""

    def token(self) -> RegistryToken:
        """Return a token for this registry's host."""

    def connect(self) -> None:
        """Make the clients; what is wrong with the credentials shows here."""

    @property
    def admin(self) -> NewRepositories:
        """The repositories themselves."""


class Registry(Target, Protocol):
    """One account's registry in one region, which images are built for and copied from."""

    def region(self) -> str:
        """Return the registry's region."""

    def caller_account(self) -> str:
        """Return the account of the credentials, by STS."""

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        """Return the labels of an image's configuration; none where they can't be had."""

    def replicates_to(self, name: str) -> Collection[tuple[str, str]]:
        """Return the (account, region)s to which ECR itself replicates a repository; empty without the permission."""

    def replication(self, repository: Repository, digest: str) -> Mapping[tuple[str, str], str]:
        """Return an image's replication status by (account, region): IN_PROGRESS, COMPLETE or FAILED."""

    def referrers(self, repository: Repository, digest: str) -> Sequence[str]:
        """Return the digests of the manifests that have an image as subject: signatures, attestations, SBOMs."""


@dataclass(frozen=True)
class Signing:
    """The status of ECR's managed signing of an image for one profile: IN_PROGRESS, COMPLETE or FAILED."""

    status: str
    reason: str = ""


class Evidence(Protocol):
    """What the registry knows about images beside their manifests: scans, signatures, times."""

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        """Return an image's scan, or None without one, as for a moment after a push."""

    def push_time(self, repository: Repository, digest: str) -> datetime | None:
        """Return when an image was pushed, or None without the permission."""

    def signatures(self, repository: Repository, digest: str) -> Sequence[str]:
        """Return the digests of the signatures that have an image as subject."""

    def signing_statuses(self, repository: Repository, digest: str) -> Sequence[Signing]:
        """Return the state of managed signing, one for each profile; empty where it isn't used."""


class NewRepositories(Protocol):
    """Creates repositories in a registry."""

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        """Create a repository without its policies; return None when it exists already."""

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        """Set the wanted policies."""


class Repositories(NewRepositories, Protocol):
    """Creates, reads, changes and deletes the repositories of a registry."""

    def state(self, name: str) -> RepositoryState | None:
        """Return all settings of a repository, or None when it does not exist."""

    def change(self, state: RepositoryState, difference: Difference, wanted: DesiredRepository) -> None:
        """Set one aspect of a repository as wanted."""

    def would_expire(self, name: str, lifecycle: str) -> int:
        """Return how many images a lifecycle policy would expire now."""

    def delete(self, name: str, *, force: bool) -> bool:
        """Delete a repository; return False when it does not exist.

        Raises Refused when it holds images and ``force`` is False.
        """
