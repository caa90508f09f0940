"""The interfaces of Docker and of registries, which clients/ implements and tests replace by fakes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.artifact import Artifact, ListedArtifact
from ecr_tasks.model.image import BakeFile, BuildDefinition, BuildInput
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository, RepositoryView

if TYPE_CHECKING:
    from ecr_tasks.model.account import Caller
    from ecr_tasks.model.image_config import ImageConfig
    from ecr_tasks.model.local_image import LocalImage
    from ecr_tasks.model.repository import DesiredRepository, Difference, RepositoryState
    from ecr_tasks.model.scan import Scanning, ScanResult, StartRefusal
    from ecr_tasks.model.signing import Signer, Signing, SignWith, Tool, Verification


@dataclass(frozen=True)
class Engine:
    """A docker engine, its image store and its builder.

    ``containerd_store`` is False for the classic store, which can't hold indexes and attestations.
    ``driver`` is buildx's: ``docker`` builds inside the engine, the others outside. ``nodes`` is the number of the
    builder's machines; platforms may be built on different ones. ``platforms`` are those whose programs it can run;
    empty where it doesn't say. ``loads`` is False where there is no engine, but only a builder
    elsewhere: no store takes what it makes.
    """

    containerd_store: bool
    platform: str
    builder: str
    driver: str
    nodes: int = 1
    platforms: tuple[str, ...] = ()
    loads: bool = True


@dataclass(frozen=True)
class BuildResult:
    """One finished image.

    ``digest`` is the manifest's or index's; None from a classic store, which creates a manifest only when it
    pushes. ``image_id`` is the image's id in the store; None when the result stays with the builder.
    ``platforms`` are those that it was built for, as far as buildx reports them. ``descriptor`` is the builder's
    of what it made (OCI image specification, descriptor.md); a classic store keeps no such manifest. ``record`` is
    the builder's own of the build. ``provenance`` has, by platform (empty where that isn't said), how it was made as
    the builder tells it, arguments included; only where that was asked for.
    """

    name: str
    digest: str | None
    image_id: str | None
    platforms: tuple[str, ...] = ()
    descriptor: Mapping[str, Any] = field(default_factory=dict)
    record: str | None = None
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


class ImageBuilder(Protocol):
    """What builds images."""

    def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        """Build all inputs at once and return their results by name.

        Inputs with ``push`` are pushed by digest, without a tag. Raises BuildError with the failing step,
        RegistryError when a push fails, and AwsError where a right is missing for it; its ``about`` has the builds
        that failed, where that is known.
        """


class Docker(ImageBuilder, Protocol):
    """A docker CLI with buildx."""

    def engine(self, builder: str | None) -> Engine:
        """Return the engine and its builder. Raises BuildError when there is no engine or no buildx."""

    def targets(self, files: Sequence[str], folder: Path, environ: Mapping[str, str], *, group: str = "") -> BakeFile:
        """Return the targets of bake or compose files, read in ``folder`` with this environment.

        With ``group``, that one is read in place of the group ``default``.
        """

    def read_dockerfiles(self, definitions: Mapping[str, BuildDefinition], builder: str | None) -> None:
        """Let the builder read the Dockerfiles of builds, by name. Raises BuildError for one that can't be built."""

    def image_id(self, reference: str) -> str | None:
        """Return the local image's id, or None when the store has no such image."""

    def image_digest(
        self, reference: str, builder: str | None, *, local: bool, seconds: float | None = None
    ) -> str | None:
        """Return a base image's digest from the local store (None if it is missing), or else the registry.

        A registry has so many ``seconds`` for each answer, if that is given.
        """

    def tag(self, source: str, target: str) -> None:
        """Give a local image one more reference."""

    def tag_for_run(self, source: str, target: str) -> None:
        """Give a local image one more reference until the end of the run."""

    def keep(self, source: str) -> None:
        """Keep a local image until the end of the run. Raises BuildError when there is none."""

    @property
    def left_names(self) -> Sequence[str]:
        """The references that killed runs have left."""

    def local_names(self, repositories: Sequence[str]) -> Mapping[str, str]:
        """Return the ids of the store's images by the names in these repositories, here and in any registry."""

    def local_images(self, ids: Sequence[str], known: Sequence[LocalImage] = ()) -> Sequence[LocalImage]:
        """Return those of these images that are there, and whether a container or a run uses them.

        Of the ``known`` ones the names and labels are taken as they are.
        """

    def remove_names(self, names: Sequence[str]) -> Sequence[str]:
        """Remove names of images that nothing uses, one of each image at most; return those that were removed."""

    def push(self, reference: str) -> None:
        """Push one reference. Raises AwsError for a right that ECR denies, else RegistryError with its words."""

    def pull(self, reference: str, platform: str | None) -> None:
        """Pull one reference. Raises RegistryError with the registry's own message."""

    def copy(self, source: str, targets: Sequence[str]) -> Mapping[str, EcrTasksError]:
        """Copy an image, its layers and children to several registries; return the errors by reference.

        All references contain the same digest.
        """

    def built_manifest(self, digest: str, record: str) -> str | None:
        """Return a manifest that a build made, byte for byte, or None where the builder doesn't have it any more."""

    def image_configs(self, ids: Sequence[str], platform: str | None) -> Mapping[str, ImageConfig]:
        """Return the configurations of local images by id; of images of several platforms, those of ``platform``.

        Those that docker doesn't give are left out.
        """

    def builder_config(self, digest: str, record: str) -> ImageConfig | None:
        """Return the configuration of a manifest that a builder keeps, or None where it gives other bytes.

        Raises the error of a builder that doesn't give it.
        """

    def provenance(self, record: str, platform: str | None) -> str | None:
        """Return the document of a build's provenance with all arguments, or None where the builder has none."""

    def authorize(self, token: RegistryToken) -> None:
        """Add a registry's token to this run's private docker configuration."""


class Target(Protocol):
    """A registry to publish to: that of an account in one region, or ECR Public."""

    def describe(
        self, repositories: Mapping[str, Sequence[str]], moving: Mapping[str, Collection[str]] | None = None
    ) -> Mapping[str, RepositoryView]:
        """Return repositories by name with the listed tags that exist, in a way that does not count as a pull.

        With ``moving``, those of each one's tags that move, what the last run here published is expected to be there:
        a repository may lack its mutability, where one API call tells so, and a revision that no such tag went to.
        """

    def created_on_push(self, name: str) -> RepositoryView:
        """Return the repository that ECR creates when it is pushed to; a view without one where it creates none.

        Until then, looks at its images find none.
        """

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        """Return an image by tag or ``sha256:`` digest, or None when it does not exist; it does not count as a pull.

        The image has its manifest only where that was read or made before.
        """

    def read(self, repository: Repository, image: StoredImage) -> StoredImage:
        """Return an image with its manifest. Unless that was read or made before, it counts as a pull."""

    def remember(self, manifest: str) -> None:
        """Keep a manifest, so that it need not be read."""

    def tag_digests(self, repository: Repository, tags: Sequence[str]) -> Mapping[str, str]:
        """Return the digests of those of the tags that exist now, in a way that does not count as a pull."""

    def images(
        self, repository: Repository, references: Sequence[str], *, expected: bool = False
    ) -> Mapping[str, StoredImage]:
        """Return images by tag or digest as :meth:`image` does, at the same time; missing ones are left out.

        Where all are ``expected`` to be there, that takes one call.
        """

    def tagged(self, repository: Repository, tags: Sequence[str]) -> Mapping[str, StoredImage]:
        """Return the images of those of the tags that exist, where most are not expected to; it counts as a pull."""

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        """Return the labels of an image's configuration; empty when they can't be read."""

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        """Return every tag, or None without the permission to list them."""

    def set_tag(
        self, repository: Repository, image: StoredImage, tag: str, again: Callable[[], object] = lambda: None
    ) -> None:
        """Point a tag at an image of the repository (PutImage). Raises Refused when the tag is locked.

        ``again`` is called before each further attempt, and may raise an error instead.
        """

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Return a context that reserves ``puts`` of docker's PutImage calls in the registry's rate limit."""

    def permit(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        """Return a context that waits, in the registry's rate limit, before it begins: ``puts`` calls of
        :meth:`set_tag` then don't.
        """

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        """Return those images by tag or digest that exist, in a way that does not count as a pull.

        The view's repository lacks its mutability, and is None when there are no images.
        """

    def details(self, name: str) -> Sequence[ImageDetail]:
        """Return every manifest of a repository, archived ones too, in a way that does not count as a pull.

        The name is that in addresses: ECR Public's begins with the alias.
        """

    def existing_digests(self, repository: Repository, digests: Sequence[str]) -> Collection[str]:
        """Return those of the digests that exist."""

    def untag(self, repository: Repository, tag: str, digest: str | None = None) -> bool:
        """Remove a tag, if it has the image with ``digest``, and return whether it was there.

        The last tag's removal deletes the image; a missing tag is no error.
        """

    def delete_image(self, repository: Repository, digest: str) -> None:
        """Delete an image with all its tags; a missing one is no error."""

    def may_untag(self, repository: Repository) -> bool:
        """Return whether the credentials may remove tags of a repository; another call costs nothing."""

    def replicates_to(self, name: str) -> Collection[tuple[str, str]]:
        """Return the (account, region)s to which ECR itself replicates a repository; empty without the permission."""

    def token(self) -> RegistryToken:
        """Return a token for this registry's host."""

    def connect(self) -> None:
        """Create the API clients. Raises the errors of wrong credentials."""

    def region(self) -> str:
        """Return the registry's region."""

    def caller(self) -> Caller:
        """Return whom STS takes us for."""

    @property
    def admin(self) -> NewRepositories:
        """The interface that creates repositories in this registry."""

    @property
    def artifacts(self) -> Artifacts:
        """The documents that are attached to this registry's images."""

    @property
    def evidence(self) -> Evidence:
        """What this registry tells of its images besides their manifests."""


class Registry(Target, Protocol):
    """The settings' registry: images are pushed to it and copied from it."""

    def caller_account(self) -> str:
        """Return the account that the credentials belong to (STS)."""

    def detail(self, repository: Repository, reference: str) -> ImageDetail | None:
        """Return what the registry lists of an image by tag or digest, or None; no look of this kind is a pull."""

    def platform(self, repository: Repository, image: StoredImage) -> str:
        """Return the platform of an image without an index, by its configuration; empty when that can't be read."""

    def replication(self, repository: Repository, digest: str) -> Mapping[tuple[str, str], str]:
        """Return an image's replication status by (account, region): IN_PROGRESS, COMPLETE or FAILED."""

    def referrers(self, repository: Repository, digest: str) -> Sequence[str]:
        """Return the digests of the manifests that have an image as subject: signatures, attestations, SBOMs."""


class Signatures(Protocol):
    """The programs that sign images and check signatures."""

    def check_installed(self, tool: Tool) -> None:
        """Raise SettingsError where a program is not installed."""

    def can_check(self, signer: Signer) -> bool:
        """Return whether a signer's signatures can be checked here."""

    def verify(self, repository: Repository, digest: str, signer: Signer) -> Verification:
        """Return whether an image has a signature of a signer that covers this digest."""

    def sign(self, repository: Repository, digest: str, method: SignWith) -> None:
        """Sign an image by its digest. Raises RegistryError with the program's own message."""


class Evidence(Protocol):
    """The registry's data about images besides their manifests: scans, managed signing, push times."""

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        """Return an image's scan; None when there is none, for example just after a push."""

    def start_scan(self, repository: Repository, digest: str) -> StartRefusal | None:
        """Start a basic scan of an image; return why the registry starts none, or None when it did."""

    def scanning(self, repository: Repository) -> Scanning:
        """Return how a repository's registry scans; of another account's registry and without the permission, it has
        no kind.
        """

    def push_time(self, repository: Repository, digest: str) -> datetime | None:
        """Return when an image was pushed, or None without the permission."""

    def signing_statuses(self, repository: Repository, digest: str) -> Sequence[Signing]:
        """Return the statuses of managed signing, one for each profile; empty when it isn't used."""

    def signing_profiles(self, repository: Repository) -> Sequence[str] | None:
        """Return the profiles that new images of a repository are signed with by the registry itself.

        None where it can't be known.
        """


class Removal(Protocol):
    """Deletes, archives and restores the images of a registry."""

    def details(self, name: str) -> Sequence[ImageDetail]:
        """Return every manifest of a repository, archived ones too."""

    def manifests(self, name: str, details: Sequence[ImageDetail]) -> Mapping[str, Mapping[str, Any]]:
        """Return images' manifests by digest, which may count as a pull."""

    def tags(self, name: str, digests: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the tags that at most a hundred images have now, by digest; missing images are left out."""

    def delete(self, name: str, images: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
        """Delete at most a hundred images with these tags, and return by digest why some were not."""

    def set_storage_class(self, name: str, digests: Sequence[str], storage_class: str) -> Mapping[str, str]:
        """Archive images (ARCHIVE) or restore them (STANDARD), and return by digest why some were not."""


class Artifacts(Protocol):
    """The documents that have an image as their subject (OCI image specification 1.1)."""

    def prepare(self, repository: Repository) -> None:
        """Upload beforehand what the first artifact in a repository needs."""

    def attach(self, repository: Repository, subject: StoredImage, artifact: Artifact) -> str:
        """Push an artifact of an image without a tag and return its digest; one that is there is no error."""

    def list(self, repository: Repository, digest: str) -> Sequence[ListedArtifact]:
        """Return the artifacts of an image, in a way that does not count as a pull."""

    def manifests(self, name: str, digests: Sequence[str]) -> Mapping[str, str]:
        """Return the manifests of those artifacts of a repository that exist; each is read once and then kept."""

    def read(self, repository: Repository, digest: str) -> Artifact:
        """Return an artifact with its documents. Raises RegistryError when it can't be read."""


class NewRepositories(Protocol):
    """Creates repositories in a registry."""

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        """Create a repository without its policies; return None when it exists already."""

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        """Set the lifecycle policy and the repository policy, where they are wanted."""


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
