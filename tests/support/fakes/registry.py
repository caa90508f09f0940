"""A fake registry in memory, with the ports of registries, evidence and repositories."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from threading import Lock
from typing import TypeVar

from ecr_tasks.errors import Denied, Refused
from ecr_tasks.model.account import Caller
from ecr_tasks.model.artifact import Artifact, ListedArtifact
from ecr_tasks.model.destination import OWN, Identity
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository, RepositoryView
from ecr_tasks.model.repository import DesiredRepository, Difference, RepositoryState
from ecr_tasks.model.scan import Scanning, ScanResult, StartRefusal
from ecr_tasks.model.signing import Signing
from tests.support.build import ACCOUNT, HOST
from tests.support.fakes.calls import Calls

T = TypeVar("T")

PASSWORD = "the-registry-password"


class FakeRegistry:
    """Keeps repositories with images by digest and tags, which it locks as the mutability of the repository says.

    Every account and region has the same repositories.
    """

    def __init__(self, calls: Calls | None = None, *repositories: Repository) -> None:
        self.calls = calls or Calls()
        self.repositories = {repository.name: repository for repository in repositories}
        self.stored: dict[str, dict[str, StoredImage]] = {name: {} for name in self.repositories}
        self.may_list = self.may_describe = True
        self.reserved: list[tuple[str, int]] = []
        self.tags: dict[str, dict[str, str]] = {name: {} for name in self.repositories}
        self.states: dict[str, RepositoryState] = {}
        self.config_labels: dict[str, dict[str, str]] = {}
        self.config_platforms: dict[str, str] = {}
        self.rules: dict[str, set[tuple[str, str]]] = {}
        self.replications: list[Mapping[tuple[str, str], str]] = []
        """The replication statuses that ECR gives, one for each call."""
        self.on_push: dict[str, RepositoryView] = {}
        """The repositories that a push creates."""
        self.scans: dict[str, list[ScanResult | None]] = {}
        self.scanning = Scanning("BASIC")
        self.start_refusals: dict[str, StartRefusal] = {}
        self.pushed: dict[str, datetime] = {}
        self.attached: dict[tuple[str, str], dict[str, Artifact]] = {}
        """The artifacts by repository and subject, and by their digest."""
        self.signing_profiles: Sequence[str] | None = ()
        self.signings: dict[str, list[Sequence[Signing]]] = {}
        self.caller_error: Exception | None = None
        self.attach_error: Exception | None = None
        self.deleted: set[str] = set()
        """The images that went with their last tag."""
        self._may_untag: dict[str, bool] = {}
        self._asks = Lock()
        self.throttled: dict[str, bool] = {}
        """The tags that are not set at the first attempt."""

    def describe(
        self, repositories: Mapping[str, Sequence[str]], moving: Mapping[str, Collection[str]] | None = None
    ) -> Mapping[str, RepositoryView]:
        self.calls.begin("describe", *repositories)
        views = {name: self._view(name, tags) for name, tags in repositories.items()}
        self.calls.end()
        return views

    def created_on_push(self, name: str) -> RepositoryView:
        self.calls.begin("created_on_push", name)
        view = self.on_push.get(name, RepositoryView(None))
        self.calls.end()
        return view

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        self.calls.begin("image", repository.name, reference)
        digest = reference if reference.startswith("sha256:") else self.tags[repository.name].get(reference, "")
        image = self.stored[repository.name].get(digest)
        found = self._with_tags(repository.name, image) if image else None
        self.calls.end()
        return found

    def read(self, repository: Repository, image: StoredImage) -> StoredImage:
        return image.with_manifest(self.stored[repository.name][image.digest].manifest)

    def remember(self, manifest: str) -> None:
        """Do nothing: its images have their manifests."""

    def tag_digests(self, repository: Repository, tags: Sequence[str]) -> Mapping[str, str]:
        if not tags:
            return {}
        self.calls.begin("tag_digests", repository.name, *tags)
        existing = dict(self.tags[repository.name])
        self.calls.end()
        return {tag: existing[tag] for tag in tags if tag in existing}

    def detail(self, repository: Repository, reference: str) -> ImageDetail | None:
        self.calls.begin("detail", repository.name, reference)
        tags, stored = self.tags[repository.name], self.stored[repository.name]
        image = stored.get(tags.get(reference, reference))
        self.calls.end()
        if image is None:
            return None
        names = sorted(tag for tag, digest in tags.items() if digest == image.digest)
        return ImageDetail(image.digest, image.media_type, tuple(names), image.size)

    def images(
        self, repository: Repository, references: Sequence[str], *, expected: bool = False
    ) -> Mapping[str, StoredImage]:
        self.calls.begin("images", repository.name, *references)
        tags, stored = dict(self.tags[repository.name]), self.stored[repository.name]
        self.calls.end()
        digests = {reference: tags.get(reference, reference) for reference in references}
        there = {reference: stored[digest] for reference, digest in digests.items() if digest in stored}
        return {reference: self._with_tags(repository.name, image) for reference, image in there.items()}

    def tagged(self, repository: Repository, tags: Sequence[str]) -> Mapping[str, StoredImage]:
        self.calls.begin("tagged", repository.name, *tags)
        there, stored = self.tags[repository.name], self.stored[repository.name]
        self.calls.end()
        return {tag: stored[there[tag]] for tag in tags if tag in there}

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        self.calls.begin("labels", repository.name, image.digest)
        self.calls.end()
        return self.config_labels.get(image.digest, {})

    def platform(self, repository: Repository, image: StoredImage) -> str:
        self.calls.begin("platform", repository.name, image.digest)
        self.calls.end()
        return self.config_platforms.get(image.digest, "")

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        self.calls.begin("list_tags", repository.name)
        tags = list(self.tags[repository.name]) if self.may_list else None
        self.calls.end()
        return tags

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        self.calls.begin("find", name, *references)
        tags, stored = self.tags[name], self.stored[name]
        digests = {item: tags.get(item, item) for item in references}
        images = {item: self._with_tags(name, stored[digest]) for item, digest in digests.items() if digest in stored}
        self.calls.end()
        return RepositoryView(Repository(name, ACCOUNT, f"{HOST}/{name}") if images else None, images)

    def existing_digests(self, repository: Repository, digests: Sequence[str]) -> Collection[str]:
        self.calls.begin("existing_digests", repository.name, *digests)
        self.calls.end()
        return [digest for digest in digests if digest in self.stored[repository.name]]

    def replicates_to(self, name: str) -> Collection[tuple[str, str]]:
        self.calls.begin("replicates_to", name)
        self.calls.end()
        return self.rules.get(name, ())

    def replication(self, repository: Repository, digest: str) -> Mapping[tuple[str, str], str]:
        self.calls.begin("replication", repository.name, digest)
        self.calls.end()
        return self.replications.pop(0) if self.replications else {}

    def connect(self) -> None:
        """Do nothing. This is not in the port; a run calls it before it starts threads."""

    def in_region(self, account: str, region: str, identity: Identity = OWN) -> FakeRegistry:
        """Return this registry for every account and region."""
        self.calls.begin("in_region", account, region)
        self.calls.end()
        return self

    def referrers(self, repository: Repository, digest: str) -> Sequence[str]:
        self.calls.begin("referrers", repository.name, digest)
        stored = self.stored[repository.name].values()
        self.calls.end()
        return [item.digest for item in stored if item.document.get("subject", {}).get("digest") == digest]

    def set_tag(
        self, repository: Repository, image: StoredImage, tag: str, again: Callable[[], object] = lambda: None
    ) -> None:
        while self.throttled.pop(tag, None):
            self.calls.begin("throttled", repository.name, tag)
            self.calls.end()
            again()
        self.calls.begin("set_tag", repository.name, tag)
        stored, children = set(self.stored[repository.name]), {child for _, child in image.children}
        is_prepared = "artifactType" in image.document  # which consists of no layer of its own
        # ECR keeps the layers of a deleted image for a while, so that its manifest can be put again.
        known = image.digest in stored | self.deleted or is_prepared or (children and children <= stored)
        assert known, "only a stored image can get a tag"
        self.put(repository.name, replace(image, tags=()), tag)
        self.calls.end()

    def reserve(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        self.reserved.append((repository.name, puts))
        return nullcontext()

    @contextmanager
    def permit(self, repository: Repository, puts: int) -> Iterator[None]:
        self.calls.log.append(("permit", repository.name, str(puts)))
        yield
        self.calls.log.append(("end of permit", repository.name))

    def untag(self, repository: Repository, tag: str, digest: str | None = None) -> bool:
        self.calls.begin("untag", repository.name, tag)
        tags = self.tags[repository.name]
        there = tags.pop(tag, "") if digest in (None, tags.get(tag)) else ""
        if there not in tags.values():
            self.stored[repository.name].pop(there, None)
            self.deleted.add(there)
        self.calls.end()
        return bool(there)

    def delete_image(self, repository: Repository, digest: str) -> None:
        self.calls.begin("delete_image", repository.name, digest)
        self.stored[repository.name].pop(digest, None)
        for tag in [tag for tag, there in self.tags[repository.name].items() if there == digest]:
            del self.tags[repository.name][tag]
        self.calls.end()

    def may_untag(self, repository: Repository) -> bool:
        with self._asks:  # once, as the real one
            if repository.name not in self._may_untag:
                try:
                    self.untag(repository, "ecr-tasks-upload-none")
                    self._may_untag[repository.name] = True
                except Denied:
                    self._may_untag[repository.name] = False
            return self._may_untag[repository.name]

    @property
    def admin(self) -> FakeRepositories:
        """The Repositories port. It is not in the Registry port."""
        return FakeRepositories(self)

    @property
    def artifacts(self) -> FakeArtifacts:
        """The documents that are attached to its images."""
        return FakeArtifacts(self)

    def detach(self, name: str, subject: str) -> dict[str, Artifact]:
        """Delete the artifacts of an image, and return them. This is not in the port."""
        there = self.attached.pop((name, subject))
        for digest in there:
            del self.stored[name][digest]
        return there

    def details(self, name: str) -> Sequence[ImageDetail]:
        self.calls.begin("details", name)
        stored, tags = self.stored[name], self.tags[name]
        self.calls.end()
        return [
            ImageDetail(
                image.digest,
                image.media_type,
                tuple(sorted(tag for tag, digest in tags.items() if digest == image.digest)),
                image.size,
                self.pushed.get(image.digest),
                artifact_type=image.document.get("artifactType"),
                subject=image.document.get("subject", {}).get("digest"),
            )
            for image in stored.values()
        ]

    def caller(self) -> Caller:
        """Return whom STS takes us for; it is asked in a thread, at any time, and so is no logged call."""
        if self.caller_error is not None:
            raise self.caller_error
        return Caller(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ada")

    @property
    def evidence(self) -> FakeEvidence:
        """The Evidence port. It is not in the Registry port."""
        return FakeEvidence(self)

    def token(self, region: str | None = None) -> RegistryToken:
        self.calls.begin("token", region or "")
        self.calls.end()
        return RegistryToken(HOST, "AWS", PASSWORD)

    def endpoint(self, region: str | None = None) -> str:
        """Return the address of ECR's API."""
        return f"https://api.ecr.{region or self.region()}.amazonaws.com"

    def region(self) -> str:
        """Return the registry's region."""
        return "eu-central-1"

    def caller_account(self) -> str:
        """Return the account of the credentials."""
        return "123456789012"

    def put(self, name: str, image: StoredImage, *tags: str) -> None:
        """Store an image under these tags, as PutImage and a push do.

        Raises Refused when a locked tag has another image.
        """
        for tag in tags:
            current = self.tags[name].get(tag)
            if current not in (None, image.digest) and self.repositories[name].locks(tag):
                raise Refused(f"The tag {tag} is immutable.", "Publish under another.")
        self.stored[name][image.digest] = image
        self.tags[name].update(dict.fromkeys(tags, image.digest))

    def _with_tags(self, name: str, image: StoredImage) -> StoredImage:
        tags = {tag for tag, digest in self.tags[name].items() if digest == image.digest}
        if not self.may_describe:
            return replace(image, tags=(), pushed=None)
        pushed = self.pushed.get(image.digest, datetime.now(timezone.utc))
        return replace(image, tags=tuple(sorted({*image.tags, *tags})), pushed=pushed)

    def _view(self, name: str, tags: Sequence[str]) -> RepositoryView:
        repository = self.repositories.get(name)
        if repository is None:
            return RepositoryView(None)
        current = self.tags[name]
        images = {tag: self.stored[name][current[tag]] for tag in tags if tag in current}
        return RepositoryView(repository, {tag: self._with_tags(name, image) for tag, image in images.items()})


class FakeArtifacts:
    """Keeps artifacts of a FakeRegistry's images, each pushed a minute after the one before."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry

    def prepare(self, repository: Repository) -> None:
        """Do nothing: nothing is uploaded here."""

    def attach(self, repository: Repository, subject: StoredImage, artifact: Artifact) -> str:
        registry = self._registry
        registry.calls.begin("attach", repository.name, subject.digest, artifact.artifact_type)
        if registry.attach_error is not None:
            raise registry.attach_error
        text = artifact.manifest(registry.read(repository, subject))
        digest = sha256_digest(text)
        registry.attached.setdefault((repository.name, subject.digest), {})[digest] = artifact
        registry.stored[repository.name][digest] = StoredImage(digest, text, MANIFEST_MEDIA_TYPES[0])
        latest = max(registry.pushed.values(), default=datetime(2026, 1, 1, tzinfo=timezone.utc))
        registry.pushed[digest] = latest + timedelta(minutes=1)
        registry.calls.end()
        return digest

    def list(self, repository: Repository, digest: str) -> Sequence[ListedArtifact]:
        self._registry.calls.begin("list_attached", repository.name, digest)
        there = self._registry.attached.get((repository.name, digest), {})
        stored = {item.digest: item.document for item in self._registry.stored[repository.name].values()}
        self._registry.calls.end()
        listed = {
            key: ListedArtifact(key, document.get("artifactType", ""), 100, document.get("annotations", {}))
            for key, document in stored.items()
            if document.get("subject", {}).get("digest") == digest
        }
        listed |= {key: ListedArtifact(key, item.artifact_type, 100, item.annotations) for key, item in there.items()}
        return [*listed.values()]

    def manifests(self, name: str, digests: Sequence[str]) -> Mapping[str, str]:
        self._registry.calls.begin("manifests", name, *digests)
        stored = self._registry.stored[name]
        self._registry.calls.end()
        return {digest: stored[digest].manifest for digest in digests if digest in stored}

    def read(self, repository: Repository, digest: str) -> Artifact:
        self._registry.calls.begin("read_attached", repository.name, digest)
        every = {key: item for there in self._registry.attached.values() for key, item in there.items()}
        self._registry.calls.end()
        return every[digest]


class FakeEvidence:
    """The Evidence port of a FakeRegistry. Each call gives the next scan of an image; the last one is repeated."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self._calls = registry.calls

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        self._calls.begin("scan", repository.name, digest)
        result = _next_answer(self._registry.scans.get(digest, [None]))
        self._calls.end()
        return result

    def start_scan(self, repository: Repository, digest: str) -> StartRefusal | None:
        self._calls.begin("start_scan", repository.name, digest)
        self._calls.end()
        return self._registry.start_refusals.get(digest)

    def scanning(self, repository: Repository) -> Scanning:
        self._calls.begin("scanning", repository.name)
        self._calls.end()
        return self._registry.scanning

    def push_time(self, repository: Repository, digest: str) -> datetime | None:
        self._calls.begin("push_time", repository.name, digest)
        self._calls.end()
        return self._registry.pushed.get(digest)

    def signing_statuses(self, repository: Repository, digest: str) -> Sequence[Signing]:
        self._calls.begin("signing_statuses", repository.name, digest)
        signings = _next_answer(self._registry.signings.get(digest, [()]))
        self._calls.end()
        return signings

    def signing_profiles(self, repository: Repository) -> Sequence[str] | None:
        return self._registry.signing_profiles


def _arn(name: str) -> str:
    return f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/{name}"


def _next_answer(answers: list[T]) -> T:
    return answers.pop(0) if len(answers) > 1 else answers[0]


class FakeRepositories:
    """The Repositories port of a FakeRegistry. It keeps policies, and only mutability has an effect."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self._calls = registry.calls

    def state(self, name: str) -> RepositoryState | None:
        repository = self._registry.repositories.get(name)
        if repository is None:
            return None
        return self._registry.states.get(name, RepositoryState(repository, _arn(name)))

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        self._calls.begin("create", name)
        if name in self._registry.repositories:
            return None
        repository = Repository(name, ACCOUNT, f"{HOST}/{name}", wanted.mutability, wanted.filters)
        self._registry.repositories[name] = repository
        self._registry.stored[name], self._registry.tags[name] = {}, {}
        self._keep(RepositoryState(repository, _arn(name), wanted.scan_on_push, tags=wanted.tags))
        self._calls.end()
        return repository

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        self._calls.begin("set_policies", name)
        state = self._registry.states[name]
        self._keep(replace(state, lifecycle=wanted.lifecycle, policy=wanted.policy))
        self._calls.end()

    def change(self, state: RepositoryState, difference: Difference, wanted: DesiredRepository) -> None:
        self._calls.begin("change", state.repository.name, difference.aspect)
        self._calls.end()

    def would_expire(self, name: str, lifecycle: str) -> int:
        self._calls.begin("would_expire", name)
        self._calls.end()
        return len(self._registry.stored[name])

    def delete(self, name: str, *, force: bool) -> bool:
        self._calls.begin("delete", name)
        if self._registry.stored[name] and not force:
            raise Refused(f"The repository {name} holds images.", "Say --force.")
        self._calls.end()
        return self._registry.repositories.pop(name, None) is not None

    def _keep(self, state: RepositoryState) -> None:
        self._registry.states[state.repository.name] = state
