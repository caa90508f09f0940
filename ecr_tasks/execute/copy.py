"""Copy manifests from one repository to others, from registry to registry: the one copier that there is.

`imagetools` copies by digest, so nothing has a tag in the target before it is there, whole.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.ports import Docker, Registry, Target
from ecr_tasks.model.registry import Repository

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Place:
    """A repository to copy to; ``location`` is its registry's account and region."""

    registry: Target
    repository: Repository
    location: tuple[str, str] = ("", "")


def copy_manifests(
    manifests: Mapping[str, int],
    source: Repository,
    registry: Registry,
    places: Mapping[K, Place],
    docker: Docker,
) -> dict[K, EcrTasksError]:
    """Copy manifests, in their order, to all places at once, and return the errors by place.

    ``manifests`` has, for each digest, how many manifests it consists of. A place that fails gets no further ones.
    """
    errors: dict[K, EcrTasksError] = {}
    for key, place in places.items():
        try:
            docker.authorize(replace(place.registry.token(), host=place.repository.host))
        except EcrTasksError as error:
            errors[key] = error
    if len(errors) == len(places):
        return errors
    try:
        docker.authorize(replace(registry.token(), host=source.host))
    except EcrTasksError as error:
        return {**dict.fromkeys(places, error), **errors}
    for digest, count in manifests.items():
        open_places = {key: place for key, place in places.items() if key not in errors}
        references = {f"{place.repository.uri}@{digest}": key for key, place in open_places.items()}
        if not references:
            break
        try:
            with _reserved(list(open_places.values()), count):
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
    """Reserve room for the PutImage calls in each registry, once for all places in it."""
    stack = ExitStack()
    with stack:
        for location in dict.fromkeys(place.location for place in places):
            here = [place for place in places if place.location == location]
            stack.enter_context(here[0].registry.reserve(here[0].repository, count * len(here)))
        return stack.pop_all()
