"""The ports: what the work needs from Docker and from the registry, whoever provides it.

``docker.py`` and ``ecr/`` implement them on python-on-whales and boto3; tests of decisions use fakes. (Git
needs no port: its only product is the value SourceState.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.engine import Engine
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository, RepositoryView
from ecr_tasks.model.scan import ScanResult

if TYPE_CHECKING:
    from ecr_tasks.model.repository import Desired, Difference, RepositoryState


@dataclass(frozen=True)
class BuildResult:
    """What buildx says of one finished image.

    ``digest`` is the manifest's or index's; None from a classic store, which makes a manifest only when it
    pushes. ``image_id`` is how the store knows the image (None when the result stays with the builder).
    ``platforms`` is what it was built for, as far as buildx says.
    """

    name: str
    digest: str | None
    image_id: str | None
    platforms: tuple[str, ...] = ()


class Docker(Protocol):
    """A docker CLI with buildx."""

    def engine(self, builder: str | None) -> Engine:
        """What would build; BuildError when there is no engine or no buildx."""

    def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        """Builds all inputs in one go, by name; BuildError names the failing step."""

    def targets(self, file: str) -> Mapping[str, BuildDefinition]:
        """The targets of a bake or compose file."""

    def image_id(self, reference: str) -> str | None:
        """The local image's id, or None when the store has no such image."""

    def image_digest(self, reference: str, builder: str | None, *, local: bool) -> str | None:
        """What a base image is: in the local store (None: not there), or in its registry, as the builder asks it."""

    def tag(self, source: str, target: str) -> None:
        """Gives a local image one more name."""

    def push(self, reference: str) -> None:
        """Pushes one name; RegistryError with the registry's own words."""

    def pull(self, reference: str, platform: str | None) -> None:
        """Pulls one name; RegistryError with the registry's own words."""

    def copy(self, source: str, targets: Sequence[str]) -> Mapping[str, EcrTasksError]:
        """Copies an image to several registries at once, layers and children too, all named by the same digest.

        Gives the targets that it could not be copied to, with why; the others have it then.
        """

    def manifest(self, reference: str) -> str:
        """A manifest as its registry holds it, byte for byte."""

    def authorize(self, token: RegistryToken) -> None:
        """Lets this run's private docker configuration in at a registry."""


class Target(Protocol):
    """A registry that images are brought to: an account's in one region, or ECR Public."""

    def describe(self, repositories: Mapping[str, Sequence[str]]) -> Mapping[str, RepositoryView]:
        """Looks at repositories and the named tags of each: at most two calls a repository."""

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        """One image by tag or ``sha256:`` digest, verbatim."""

    def images(self, repository: Repository, digests: Sequence[str]) -> Mapping[str, StoredImage]:
        """Several by digest; those that are not there are left out."""

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        """Every tag that there is; None where we may not list them."""

    def set_tag(self, repository: Repository, image: StoredImage, tag: str) -> None:
        """Points a tag at an image that is there, by PutImage; Refused when the tag is locked."""

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Leaves room for so many PutImage that docker makes inside; waits for it where there is none."""

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """Tags and digests of a repository in one call; how mutable the repository is, it does not say."""

    def present(self, repository: Repository, digests: Sequence[str]) -> Collection[str]:
        """Those of the digests that are there."""

    def untag(self, repository: Repository, tag: str) -> None:
        """Takes a tag away, and its image with the last one; a tag that isn't there is as good."""

    def token(self) -> RegistryToken:
        """Return a token for this registry's host."""

    def connect(self) -> None:
        """Make the clients; what is wrong with the credentials shows here."""

    @property
    def admin(self) -> NewRepositories:
        """The repositories themselves."""


class Registry(Target, Protocol):
    """One account's registry in one region, which images are built for and brought from."""

    def region(self) -> str:
        """Return the registry's region."""

    def caller_account(self) -> str:
        """Return the account of the credentials, by STS."""

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        """Return the labels of an image's configuration; none where they can't be had."""

    def replicates_to(self, name: str) -> Collection[tuple[str, str]]:
        """The (account, region)s to which ECR replicates a repository by itself; none where we may not ask."""

    def replication(self, repository: Repository, digest: str) -> Mapping[tuple[str, str], str]:
        """How far that is for one image: ``IN_PROGRESS``, ``COMPLETE`` or ``FAILED`` by (account, region)."""

    def referrers(self, repository: Repository, digest: str) -> Sequence[str]:
        """The digests of what has an image as its subject: signatures, attestations, SBOMs."""


@dataclass(frozen=True)
class Signing:
    """How far ECR's managed signing is with an image for one signing profile: IN_PROGRESS, COMPLETE or FAILED."""

    status: str
    reason: str = ""


class Evidence(Protocol):
    """What the registry knows about images beside their bytes; no question changes anything."""

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        """One image's scan; None where there is none, which for a moment is so after a push."""

    def pushed(self, repository: Repository, digest: str) -> datetime | None:
        """When an image was pushed; None where we may not ask."""

    def signatures(self, repository: Repository, digest: str) -> Sequence[str]:
        """The digests of the signatures that have an image as their subject."""

    def signing(self, repository: Repository, digest: str) -> Sequence[Signing]:
        """How far managed signing is; nothing where it isn't used."""


class NewRepositories(Protocol):
    """Creates repositories in a registry."""

    def create(self, name: str, wanted: Desired) -> Repository | None:
        """Create a repository, without its policies; return None where there is one already."""

    def set_policies(self, name: str, wanted: Desired) -> None:
        """Set the policies that are wanted."""


class Repositories(NewRepositories, Protocol):
    """The repositories of a registry themselves."""

    def state(self, name: str) -> RepositoryState | None:
        """All that is set on a repository; None where there is none."""

    def create(self, name: str, wanted: Desired) -> Repository | None:
        """Creates a repository, without its policies; None where there is one already."""

    def set_policies(self, name: str, wanted: Desired) -> None:
        """Sets the policies that are wanted."""

    def change(self, state: RepositoryState, difference: Difference, wanted: Desired) -> None:
        """Makes one aspect as wanted."""

    def would_expire(self, name: str, lifecycle: str) -> int:
        """How many images a lifecycle policy would expire now."""

    def delete(self, name: str, *, force: bool) -> bool:
        """Deletes a repository; False where there is none, Refused where it holds images without ``force``."""
