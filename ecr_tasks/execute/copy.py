"""Copy manifests from one repository to others, also in other registries.

`imagetools` copies by digest, so that no tag in the target points at an incomplete image.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TypeVar

from ecr_tasks.clients.parallel import begin
from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import OWN, Identity
from ecr_tasks.model.ports import Docker, Registry, Target
from ecr_tasks.model.registry import Repository

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Place:
    """A repository to copy to; ``location`` is its registry's account and region.

    ``identity`` is whose token its registry gives.
    """

    registry: Target
    repository: Repository
    location: tuple[str, str] = ("", "")
    identity: Identity = OWN


def copy_manifests(
    manifests: Mapping[str, int],
    source: Repository,
    registry: Registry,
    places: Mapping[K, Place],
    docker: Docker,
) -> dict[K, EcrTasksError]:
    """Copy manifests, in their order, to all places at once, and return the errors by place.

    ``manifests`` has, for each digest, the number of manifests that it consists of. After an error a place gets no
    further manifests. docker has one login for a host: places on one host with different identities get their copy
    one after the other, and one on the source's own host needs an identity that may read the source, too.
    """
    errors: dict[K, EcrTasksError] = {}
    for together in _one_identity_a_host(places):
        errors |= _copy_at_once(manifests, source, registry, together, docker)
    if any(place.repository.host == source.host and not place.identity.is_own for place in places.values()):
        with suppress(EcrTasksError):  # what is done next logs in by itself
            docker.authorize(replace(registry.token(), host=source.host))
    return errors


def _one_identity_a_host(places: Mapping[K, Place]) -> list[dict[K, Place]]:
    """Return the places in as few groups as have one identity for each host."""
    groups: list[dict[K, Place]] = []
    for key, place in places.items():
        for group in groups:
            if all(
                other.identity == place.identity or other.repository.host != place.repository.host
                for other in group.values()
            ):
                group[key] = place
                break
        else:
            groups.append({key: place})
    return groups


def _copy_at_once(
    manifests: Mapping[str, int],
    source: Repository,
    registry: Registry,
    places: Mapping[K, Place],
    docker: Docker,
) -> dict[K, EcrTasksError]:
    errors: dict[K, EcrTasksError] = {}
    tokens = {key: begin(place.registry.token) for key, place in places.items()}  # all at the same time
    token = begin(registry.token)
    for key, place in places.items():
        try:
            docker.authorize(replace(tokens[key](), host=place.repository.host))
        except EcrTasksError as error:
            errors[key] = error
    if len(errors) == len(places):
        return errors
    if not any(place.repository.host == source.host and not place.identity.is_own for place in places.values()):
        try:
            docker.authorize(replace(token(), host=source.host))
        except EcrTasksError as error:
            return {**dict.fromkeys(places, error), **errors}
    for digest, count in manifests.items():
        working_places = {key: place for key, place in places.items() if key not in errors}
        references = {f"{place.repository.uri}@{digest}": key for key, place in working_places.items()}
        if not references:
            break
        try:
            with _reserved(list(working_places.values()), count):
                failures = docker.copy(f"{source.uri}@{digest}", list(references))
        except EcrTasksError as error:
            failures = dict.fromkeys(references, error)
        errors.update({references[reference]: error for reference, error in failures.items()})
    return errors


def check_present(digests: Sequence[str], place: Place) -> None:
    """Raise RegistryError when the place lacks one of the digests after the copy."""
    present = place.registry.existing_digests(place.repository, digests)
    missing = [digest for digest in digests if digest not in present]
    if missing:
        raise missing_after_copy(missing[0], place.repository.uri)


def missing_after_copy(digest: str, address: str) -> RegistryError:
    """Return the error for a digest that a place lacks after the copy."""
    return RegistryError(f"ECR does not have {digest} in {address} after the copy.", "Run it again.")


def _reserved(places: Sequence[Place], count: int) -> ExitStack:
    """Reserve the PutImage calls in each registry's rate limit, once for all its repositories."""
    stack = ExitStack()
    with stack:
        for location in dict.fromkeys(place.location for place in places):
            same_registry = [place for place in places if place.location == location]
            first = same_registry[0]
            stack.enter_context(first.registry.reserve(first.repository, count * len(same_registry)))
        return stack.pop_all()
