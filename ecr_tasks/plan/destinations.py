"""The plan for copies of an image in more registries (``ECR_DESTINATIONS``): their tags and their errors.

An error at one destination stops neither the push to the settings' registry nor the other copies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType

from ecr_tasks.errors import EcrTasksError, RegistryError, SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import PUBLIC_HOST, Destination, Identity
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Transport
from ecr_tasks.model.refusals import missing_repository
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.tag_states import PlannedTag, locked_planned_tag, plan_tag
from ecr_tasks.settings.parse.registry import is_public_repository
from ecr_tasks.settings.settings import Settings


@dataclass(frozen=True)
class PlannedCopy:
    """One image at one destination; ``view`` is None when the destination was not read, or returned an ``error``.

    ``newer`` says of each tag whose image there is newer how that is known; ``own`` are the digests of what the
    commit is published as.
    """

    destination: Destination
    repository: str
    view: RepositoryView | None = None
    tags: tuple[PlannedTag, ...] = ()
    transport: Transport = "copy"
    creates_repository: bool = False
    newer: Mapping[str, str] = field(default_factory=dict)
    own: Collection[str] = ()
    error: EcrTasksError | None = None

    @property
    def address(self) -> str:
        """The repository's URI; the destination as in the settings when the repository is not known."""
        repository = self.view.repository if self.view else None
        if repository is not None:
            return repository.uri
        return f"{self.destination}" if self.destination.repository else f"{self.destination}/{self.repository}"

    @property
    def is_present(self) -> bool:
        """Whether a tag at the destination points at the image, which is complete then: tags are set last."""
        return any(item.state == "present" for item in self.tags)


def check_destinations(destinations: Sequence[Destination], repositories: Sequence[str]) -> None:
    """Raise SettingsError where several images would go to one repository, or to a name that ECR Public doesn't take.

    ``repositories`` are those of the images.
    """
    named = next((item for item in destinations if item.repository is not None), None)
    if named is not None and len(repositories) > 1:
        raise SettingsError(
            f"ECR_DESTINATIONS names one repository, {named}, and there are {len(repositories)} images.",
            "Leave the repository out: each image keeps the name that it has here.",
        )
    identities: dict[tuple[object, str], Identity] = {}
    for destination in destinations:
        for name in dict.fromkeys(map(destination.name_of, repositories)):
            identity = identities.setdefault((destination.place, name), destination.identity)
            if identity != destination.identity:
                raise SettingsError(
                    f"ECR_DESTINATIONS has {name} in the {destination.registry} twice, for {identity} and for "
                    f"{destination.identity}.",
                    "Leave one of them out: one image goes there once.",
                )
            if destination.is_public and not is_public_repository(name):
                raise SettingsError(
                    f"ECR Public takes no repository called {name[:80]} (ECR_DESTINATIONS: {destination}).",
                    "There, letters and digits are joined by one . _ - or /, and 205 characters are the most: write "
                    f"another name after {PUBLIC_HOST}/{destination.alias}/.",
                )


def unique_destinations(destinations: Sequence[Destination], repository: str) -> tuple[Destination, ...]:
    """Return the destinations of one image without duplicates.

    A destination without a repository means the repository name that the image has in the settings' registry.
    """
    unique: dict[tuple[object, str], Destination] = {}
    for destination in destinations:
        unique.setdefault((destination.place, destination.name_of(repository)), destination)
    return tuple(unique.values())


def as_in_settings(destination: Destination, settings: Settings) -> Destination:
    """Return a destination that was named elsewhere as if it stood in ECR_DESTINATIONS; see ``with_identity``."""
    return replace(with_identity(destination, settings.destinations), source_alias=settings.public_alias)


def with_identity(destination: Destination, known: Sequence[Destination]) -> Destination:
    """Return a destination with the identity that ``known`` ones have for its registry, unless it has its own.

    Of several, that of the same repository counts. Raises SettingsError where they differ otherwise.
    """
    if not destination.identity.is_own:
        return destination
    there = [item for item in known if item.place == destination.place]
    there = [item for item in there if item.repository == destination.repository] or there
    identities = list(dict.fromkeys(item.identity for item in there))
    if len(identities) > 1:
        raise SettingsError(
            f"ECR_DESTINATIONS has several identities for the {destination.registry}.",
            f"Say which: {destination},role=ARN or {destination},profile=NAME.",
        )
    return replace(destination, identity=identities[0]) if identities else destination


def is_same_repository(here: RepositoryView | None, destination: RepositoryView | None) -> bool:
    """Return whether both views are of the same existing repository."""
    first, second = (view.repository if view else None for view in (here, destination))
    return first is not None and second is not None and first.uri == second.uri


def plan_copy(
    destination: Destination,
    repository: str,
    tags: Sequence[Tag],
    answer: RepositoryView | EcrTasksError | None,
    published: StoredImage | None,
    *,
    create_repository: bool = False,
    replicates: bool = False,
    newer: Mapping[str, str] = MappingProxyType({}),
    own: Collection[str] = (),
) -> PlannedCopy:
    """Plan the copy of one image to one destination; ``repository`` is the repository's name at the destination.

    ``answer`` is the destination's view or error, None if it was not read; ``published`` is the image if it is
    already published in the settings' registry; ``replicates`` says whether ECR's own replication copies it;
    ``newer`` are the sentences of ``newer_images`` for the destination, ``own`` the digests of the commit's images.
    """
    transport: Transport = "replication" if replicates else "copy"
    copy = PlannedCopy(destination, repository, None, tuple(PlannedTag(tag) for tag in tags), transport)
    if answer is None:
        return copy
    if isinstance(answer, EcrTasksError):
        return replace(copy, error=answer)
    copy = replace(copy, view=answer, newer=newer, own=own)
    if answer.repository is None:
        new = tuple(PlannedTag(tag, "new") for tag in tags)
        # Replication would create it with ECR's defaults; if allowed, push creates it as the settings want it.
        error = None if create_repository or replicates else missing_destination(destination, repository)
        return replace(copy, tags=new, creates_repository=create_repository, error=error)
    if published is None:
        states = (plan_tag(tag, answer, None, newer=newer.get(tag.name), own=own) for tag in tags)
        return replace(copy, tags=tuple(states))
    return with_tag_states(copy, published)


def with_tag_states(copy: PlannedCopy, published: StoredImage) -> PlannedCopy:
    """Return the copy with the state of each tag for this image, and the error for a locked tag."""
    if copy.error is not None or copy.view is None or copy.view.repository is None:
        return copy
    view = copy.view
    states = (
        plan_tag(item.tag, view, published, newer=copy.newer.get(item.tag.name), own=copy.own) for item in copy.tags
    )
    copy = replace(copy, tags=tuple(states))
    locked = next((item for item in copy.tags if item.state == "locked"), None)
    if locked is None:
        return copy
    exclusion = "a mutability exclusion filter of the repository that matches it"
    remedy = f"Make {locked.tag.name} movable there ({exclusion})."
    if locked.tag.kind == "fixed":
        remedy = "Give this commit a version of its own, or delete the tag there if it is wrong."
    ours = f"this commit is {published.digest}"
    return replace(copy, error=locked_planned_tag(locked, view, "there", ours, remedy))


def combined_error(errors: Mapping[str, EcrTasksError], done: str = "Published") -> EcrTasksError:
    """Return one error for all failed destinations; ``errors`` are by address, ``done`` is what was done elsewhere.

    Its exit code is that of the errors, or RegistryError's where they differ.
    """
    (address, first), *others = errors.items()
    same = all(error.code == first.code for _, error in others)
    kind = type(first) if same else RegistryError
    more = "".join(f" Nor is it in {other}: {error.cause}" for other, error in others)
    remedies = " ".join(dict.fromkeys(error.remedy for error in errors.values()))
    return kind(f"{done}, but not in {address}: {first.cause}{more}", f"{remedies} A second run does only that.")


def missing_destination(destination: Destination, name: str) -> RegistryError:
    """Return the error for a repository that does not exist at a destination."""
    remedy = "Create it there, or set ECR_CREATE_REPOSITORY=true to let push do it; these credentials must see it."
    return missing_repository(name, f"the {destination.registry}", remedy=remedy)
