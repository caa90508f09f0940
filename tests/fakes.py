"""Docker and a registry in memory, behind the ports: they keep state, write down every call and fail on demand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from ecr_tasks.definition import BuildDefinition, BuildInput
from ecr_tasks.engine import Engine
from ecr_tasks.errors import BuildError, EcrTasksError, Refused, RegistryError
from ecr_tasks.findings import ScanResult
from ecr_tasks.inventory import artifact_kind
from ecr_tasks.ports import BuildResult, Signing
from ecr_tasks.registry import (
    INPUTS,
    INPUTS_TRACKED,
    REVISION,
    RegistryToken,
    Repository,
    RepositoryView,
    StoredImage,
)
from ecr_tasks.repository import Desired, Difference, RepositoryState
from tests.core.build import ACCOUNT, HOST, REVISION_A, manifest

T = TypeVar("T")

PASSWORD = "the-registry-password"


@dataclass
class Calls:
    """What was called, in order, and which call is to fail.

    ``fail_at`` counts from 0; with ``late`` the call does its work first, as when an answer is lost. ``before``
    runs something ahead of a call, once: another run, in the middle of ours.
    """

    made: list[tuple[str, ...]] = field(default_factory=list)
    fail_at: int | None = None
    late: bool = False
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    after: dict[str, Callable[[], None]] = field(default_factory=dict)

    def begin(self, *call: str) -> None:
        """Notes a call; fails it if it is its turn."""
        self.made.append(call)
        if action := self.before.pop(call[0], None):
            action()
        if not self.late and self.fail_at == len(self.made) - 1:
            raise lost()

    def end(self) -> None:
        """The call has done its work."""
        if action := self.after.pop(self.made[-1][0], None):
            action()
        if self.late and self.fail_at == len(self.made) - 1:
            raise lost()

    def named(self, *names: str) -> list[tuple[str, ...]]:
        """The calls of these names, in order."""
        return [call for call in self.made if call[0] in names]


def lost() -> RegistryError:
    """The error of a call that was told to fail."""
    return RegistryError("The network is gone.", "Run it again.")


class FakeRegistry:
    """ECR's repositories: images by digest, tags that move or don't, as the repository's mutability says."""

    def __init__(self, calls: Calls | None = None, *repositories: Repository) -> None:
        self.calls = calls or Calls()
        self.repositories = {repository.name: repository for repository in repositories}
        self.held: dict[str, dict[str, StoredImage]] = {name: {} for name in self.repositories}
        self.may_list = True
        self.spent: list[tuple[str, int]] = []
        self.tags: dict[str, dict[str, str]] = {name: {} for name in self.repositories}
        self.states: dict[str, RepositoryState] = {}
        self.config_labels: dict[str, dict[str, str]] = {}
        self.rules: dict[str, set[tuple[str, str]]] = {}
        self.replications: list[Mapping[tuple[str, str], str]] = []
        """What ECR says of its own replication, each time it is asked."""
        self.scans: dict[str, list[ScanResult | None]] = {}
        self.pushed: dict[str, datetime] = {}
        self.signings: dict[str, list[Sequence[Signing]]] = {}

    def look(self, repositories: Mapping[str, Sequence[str]]) -> Mapping[str, RepositoryView]:
        self.calls.begin("look", *repositories)
        views = {name: self._view(name, tags) for name, tags in repositories.items()}
        self.calls.end()
        return views

    def image(self, repository: Repository, reference: str) -> StoredImage | None:
        self.calls.begin("image", repository.name, reference)
        digest = reference if reference.startswith("sha256:") else self.tags[repository.name].get(reference, "")
        found = self.held[repository.name].get(digest)
        self.calls.end()
        return found

    def images(self, repository: Repository, digests: Sequence[str]) -> Mapping[str, StoredImage]:
        self.calls.begin("images", repository.name, *digests)
        held = self.held[repository.name]
        self.calls.end()
        return {digest: held[digest] for digest in digests if digest in held}

    def labels(self, repository: Repository, image: StoredImage) -> Mapping[str, str]:
        self.calls.begin("labels", repository.name, image.digest)
        self.calls.end()
        return self.config_labels.get(image.digest, {})

    def list_tags(self, repository: Repository) -> Sequence[str] | None:
        self.calls.begin("list_tags", repository.name)
        found = list(self.tags[repository.name]) if self.may_list else None
        self.calls.end()
        return found

    def find(self, name: str, references: Sequence[str]) -> RepositoryView:
        self.calls.begin("find", name, *references)
        tags, held = self.tags[name], self.held[name]
        digests = {item: tags.get(item, item) for item in references}
        found = {item: held[digest] for item, digest in digests.items() if digest in held}
        self.calls.end()
        return RepositoryView(Repository(name, ACCOUNT, f"{HOST}/{name}") if found else None, found)

    def present(self, repository: Repository, digests: Sequence[str]) -> Collection[str]:
        self.calls.begin("present", repository.name, *digests)
        self.calls.end()
        return [digest for digest in digests if digest in self.held[repository.name]]

    def replicates_to(self, name: str) -> Collection[tuple[str, str]]:
        self.calls.begin("replicates_to", name)
        self.calls.end()
        return self.rules.get(name, ())

    def replication(self, repository: Repository, digest: str) -> Mapping[tuple[str, str], str]:
        self.calls.begin("replication", repository.name, digest)
        self.calls.end()
        return self.replications.pop(0) if self.replications else {}

    def ready(self) -> None:
        """Not of the port, but a run asks for it before threads do."""

    def elsewhere(self, account: str, region: str) -> FakeRegistry:
        """Every account and region has the same repositories here."""
        self.calls.begin("elsewhere", account, region)
        self.calls.end()
        return self

    def referrers(self, repository: Repository, digest: str) -> Sequence[str]:
        self.calls.begin("referrers", repository.name, digest)
        held = self.held[repository.name].values()
        self.calls.end()
        return [item.digest for item in held if item.document.get("subject", {}).get("digest") == digest]

    def set_tag(self, repository: Repository, image: StoredImage, tag: str) -> None:
        self.calls.begin("set_tag", repository.name, tag)
        assert image.digest in self.held[repository.name], "only an image that is there can get a tag"
        self.put(repository.name, image, tag)
        self.calls.end()

    def spending(self, repository: Repository, puts: int) -> AbstractContextManager[None]:
        self.spent.append((repository.name, puts))
        return nullcontext()

    def untag(self, repository: Repository, tag: str) -> None:
        self.calls.begin("untag", repository.name, tag)
        self.tags[repository.name].pop(tag, None)
        self.calls.end()

    @property
    def admin(self) -> FakeRepositories:
        """The repositories themselves; not of the port."""
        return FakeRepositories(self)

    @property
    def evidence(self) -> FakeEvidence:
        """What is known about images; not of the port."""
        return FakeEvidence(self)

    def token(self, region: str | None = None) -> RegistryToken:
        self.calls.begin("token", region or "")
        self.calls.end()
        return RegistryToken(HOST, "AWS", PASSWORD)

    def region(self) -> str:
        """The registry's region; not of the port, but the `commands` task asks for it."""
        return "eu-central-1"

    def put(self, name: str, image: StoredImage, *tags: str) -> None:
        """What PutImage and a push do: another image under a locked tag is refused."""
        for tag in tags:
            now = self.tags[name].get(tag)
            if now not in (None, image.digest) and self.repositories[name].locks(tag):
                raise Refused(f"The tag {tag} is immutable.", "Publish under another.")
        self.held[name][image.digest] = image
        self.tags[name].update(dict.fromkeys(tags, image.digest))

    def _view(self, name: str, tags: Sequence[str]) -> RepositoryView:
        repository = self.repositories.get(name)
        if repository is None:
            return RepositoryView(None)
        there = self.tags[name]
        return RepositoryView(repository, {tag: self.held[name][there[tag]] for tag in tags if tag in there})


class FakeEvidence:
    """The Evidence port on a FakeRegistry: each image's scans in turn, of which the last one stays."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self._calls = registry.calls

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        self._calls.begin("scan", repository.name, digest)
        found = _turn(self._registry.scans.get(digest, [None]))
        self._calls.end()
        return found

    def pushed(self, repository: Repository, digest: str) -> datetime | None:
        self._calls.begin("pushed", repository.name, digest)
        self._calls.end()
        return self._registry.pushed.get(digest)

    def signatures(self, repository: Repository, digest: str) -> Sequence[str]:
        self._calls.begin("signatures", repository.name, digest)
        held = self._registry.held[repository.name].values()
        documents = {item.digest: item.document for item in held}
        self._calls.end()
        return [
            name
            for name, document in documents.items()
            if document.get("subject", {}).get("digest") == digest
            and artifact_kind(document.get("artifactType")) == "signature"
        ]

    def signing(self, repository: Repository, digest: str) -> Sequence[Signing]:
        self._calls.begin("signing", repository.name, digest)
        found = _turn(self._registry.signings.get(digest, [()]))
        self._calls.end()
        return found


def _turn(answers: list[T]) -> T:
    return answers.pop(0) if len(answers) > 1 else answers[0]


class FakeRepositories:
    """The Repositories port on a FakeRegistry: what is set beside mutability is kept and never looked at."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self._calls = registry.calls

    def state(self, name: str) -> RepositoryState | None:
        repository = self._registry.repositories.get(name)
        if repository is None:
            return None
        return self._registry.states.get(name, RepositoryState(repository, f"arn:{name}"))

    def create(self, name: str, wanted: Desired) -> Repository | None:
        self._calls.begin("create", name)
        if name in self._registry.repositories:
            return None
        made = Repository(name, ACCOUNT, f"{HOST}/{name}", wanted.mutability, wanted.filters)
        self._registry.repositories[name] = made
        self._registry.held[name], self._registry.tags[name] = {}, {}
        self._keep(RepositoryState(made, f"arn:{name}", wanted.scan_on_push, tags=wanted.tags))
        self._calls.end()
        return made

    def set_policies(self, name: str, wanted: Desired) -> None:
        self._calls.begin("set_policies", name)
        state = self._registry.states[name]
        self._keep(replace(state, lifecycle=wanted.lifecycle, policy=wanted.policy))
        self._calls.end()

    def change(self, state: RepositoryState, difference: Difference, wanted: Desired) -> None:
        self._calls.begin("change", state.repository.name, difference.aspect)
        self._calls.end()

    def would_expire(self, name: str, lifecycle: str) -> int:
        self._calls.begin("would_expire", name)
        self._calls.end()
        return len(self._registry.held[name])

    def delete(self, name: str, *, force: bool) -> bool:
        self._calls.begin("delete", name)
        if self._registry.held[name] and not force:
            raise Refused(f"The repository {name} holds images.", "Say --force.")
        self._calls.end()
        return self._registry.repositories.pop(name, None) is not None

    def _keep(self, state: RepositoryState) -> None:
        self._registry.states[state.repository.name] = state


class FakeDocker:
    """A docker CLI: builds, keeps images in a store and pushes it to a FakeRegistry.

    ``classic`` is the store without manifests of its own. ``unstable`` builders make other bytes each time.
    """

    def __init__(self, registry: FakeRegistry, *, classic: bool = False, unstable: bool = False) -> None:
        self.registry = registry
        self.calls = registry.calls
        self.classic = classic
        self.unstable = unstable
        self.store: dict[str, StoredImage] = {}
        self.inputs: list[BuildInput] = []
        self.authorized: list[RegistryToken] = []
        self.builds = 0
        self.bake_targets: dict[str, BuildDefinition] = {}
        self.local_bases: dict[str, str] = {}
        self.registry_bases: dict[str, str] = {}
        self.broken: EcrTasksError | None = None
        self.unreachable: set[str] = set()
        """References that nothing can be copied to."""

    def engine(self, builder: str | None) -> Engine:
        self.calls.begin("engine")
        self.calls.end()
        return Engine("28.5.2", not self.classic, "linux/amd64", builder or "default", "docker")

    def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        self.calls.begin("build", *(item.name for item in inputs))
        if self.broken is not None:
            raise self.broken
        self.builds += 1
        self.inputs += inputs
        results = {item.name: self._build(item) for item in inputs}
        self.calls.end()
        return results

    def targets(self, file: str) -> Mapping[str, BuildDefinition]:
        self.calls.begin("targets", file)
        self.calls.end()
        return self.bake_targets

    def image_id(self, reference: str) -> str | None:
        self.calls.begin("image_id", reference)
        image = self.store.get(reference)
        self.calls.end()
        return self.id_of(image) if image else None

    def image_digest(self, reference: str, builder: str | None, *, local: bool) -> str | None:
        self.calls.begin("image_digest", reference, "local" if local else "registry")
        found = (self.local_bases if local else self.registry_bases).get(reference)
        if found is None and not local:
            raise BuildError(f"docker could not find {reference}: not found.", "Log in.")
        self.calls.end()
        return found

    def tag(self, source: str, target: str) -> None:
        self.calls.begin("tag", source, target)
        self.store[target] = self.store[source]
        self.calls.end()

    def push(self, reference: str) -> None:
        self.calls.begin("push", reference)
        self._send(reference, self.store[reference])
        self.calls.end()

    def pull(self, reference: str, platform: str | None) -> None:
        self.calls.begin("pull", reference, platform or "")
        self.calls.end()

    def copy(self, source: str, targets: Sequence[str]) -> Mapping[str, EcrTasksError]:
        self.calls.begin("copy", source, *targets)
        name, _, digest = source.removeprefix(f"{HOST}/").partition("@")
        image = self.registry.held[name][digest]
        for target in targets:
            if target not in self.unreachable:
                self.registry.held[target.removeprefix(f"{HOST}/").partition("@")[0]][digest] = image
        self.calls.end()
        return {target: lost() for target in targets if target in self.unreachable}

    def manifest(self, reference: str) -> str:
        self.calls.begin("manifest", reference)
        name, _, digest = reference.removeprefix(f"{HOST}/").partition("@")
        self.calls.end()
        return self.registry.held[name][digest].manifest

    def authorize(self, token: RegistryToken) -> None:
        self.calls.begin("authorize", token.host)
        self.authorized.append(token)
        self.calls.end()

    def login(self, token: RegistryToken) -> None:
        self.calls.begin("login", token.host)
        self.calls.end()

    def logout(self, host: str) -> None:
        self.calls.begin("logout", host)
        self.calls.end()

    def id_of(self, image: StoredImage) -> str:
        """How the store knows an image."""
        return str(image.config_digest) if self.classic else image.digest

    def _build(self, item: BuildInput) -> BuildResult:
        content = f"{item.name} build {self.builds}" if self.unstable else f"{item.name} as built"
        annotations = item.definition.annotations
        inputs = {
            key: annotations[key] for key in (INPUTS, INPUTS_TRACKED) if key in annotations and not self.classic
        }
        made = manifest(content, annotations.get(REVISION, REVISION_A), inputs)
        if item.keep == "builder":
            if item.push:
                self._send(item.references[0], made)
            return BuildResult(item.name, made.digest, None, item.definition.platforms)
        for name in (*item.references, self.id_of(made)):
            self.store[name] = made
        return BuildResult(item.name, None if self.classic else made.digest, self.id_of(made), ("linux/amd64",))

    def _send(self, reference: str, image: StoredImage) -> None:
        name, _, tag = reference.removeprefix(f"{HOST}/").rpartition(":")
        self.registry.put(name, image, tag)
