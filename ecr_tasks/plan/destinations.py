"""What becomes of an image in more registries (``ECR_DESTINATIONS``): its tags there, and what is in the way. Pure.

Whatever is wrong with one destination stops neither the repository itself nor the other destinations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ecr_tasks.errors import EcrTasksError, Refused, RegistryError, SettingsError
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.retag import PlannedTag, locked_cause, plan_tag, tag_json

By = Literal["copy", "replication"]
"""How it gets there: we copy it, or ECR does by its own replication rules and we wait."""


@dataclass(frozen=True)
class PlannedCopy:
    """One image in one more registry; ``view`` is None where that one was not asked, or gave an ``error``."""

    destination: Destination
    repository: str
    view: RepositoryView | None = None
    tags: tuple[PlannedTag, ...] = ()
    by: By = "copy"
    creates_repository: bool = False
    error: EcrTasksError | None = None

    @property
    def place(self) -> str:
        """Where, as people read it: the repository's address, or what the settings say of it."""
        there = self.view.repository if self.view else None
        if there is not None:
            return there.uri
        return f"{self.destination}" if self.destination.repository else f"{self.destination}/{self.repository}"

    @property
    def is_there(self) -> bool:
        """Whether the destination has the image, under any of its tags: none is set there before it is whole."""
        return any(item.state == "present" and not item.stays for item in self.tags)


def check_destinations(destinations: Sequence[Destination], images: int) -> None:
    """Raises SettingsError where several images would go to one repository."""
    named = next((where for where in destinations if where.repository is not None), None)
    if named is not None and images > 1:
        raise SettingsError(
            f"ECR_DESTINATIONS names one repository, {named}, and there are {images} images.",
            "Leave the repository out: each image keeps the name that it has here.",
        )


def distinct(destinations: Sequence[Destination], repository: str) -> tuple[Destination, ...]:
    """The destinations of one image, each place once: leaving the repository out means the one that it has here."""
    places: dict[Destination, Destination] = {}
    for where in destinations:
        places.setdefault(replace(where, repository=where.repository or repository), where)
    return tuple(places.values())


def plan_copy(
    destination: Destination,
    repository: str,
    tags: Sequence[Tag],
    found: RepositoryView | EcrTasksError | None,
    published: StoredImage | None,
    *,
    create_repository: bool = False,
    replicates: bool = False,
) -> PlannedCopy:
    """What becomes of one image at one destination; ``repository`` is the one there.

    ``found`` is what a look there gave, None where nobody looked; ``published`` the image that is published here
    already, None where it is yet to be built; ``replicates`` whether ECR brings it there by itself.
    """
    by: By = "replication" if replicates else "copy"
    made = PlannedCopy(destination, repository, None, tuple(PlannedTag(tag) for tag in tags), by)
    if found is None:
        return made
    if isinstance(found, EcrTasksError):
        return replace(made, error=found)
    made = replace(made, view=found)
    if found.repository is None:
        new = tuple(PlannedTag(tag, "new") for tag in tags)
        # Replication would create it with ECR's defaults; where we may, it is created as the settings want it.
        error = None if create_repository or replicates else no_repository(destination, repository)
        return replace(made, tags=new, creates_repository=create_repository, error=error)
    if published is None:
        return replace(made, tags=tuple(plan_tag(tag, found, None) for tag in tags))
    return judged(made, published)


def judged(copy: PlannedCopy, published: StoredImage) -> PlannedCopy:
    """The same against the image that it is about: what becomes of each tag, and the error for one that is locked."""
    if copy.error is not None or copy.view is None or copy.view.repository is None:
        return copy
    view = copy.view
    made = replace(copy, tags=tuple(plan_tag(item.tag, view, published) for item in copy.tags))
    locked = next((item for item in made.tags if item.state == "locked"), None)
    return made if locked is None else replace(made, error=_locked(made, locked, published))


def copy_json(copy: PlannedCopy) -> dict[str, Any]:
    """A destination as `plan --json` tells it."""
    there = copy.view.repository if copy.view else None
    return {
        "destination": str(copy.destination),
        "registry": there.host if there else None,
        "repository": copy.repository,
        "by": copy.by,
        "creates_repository": copy.creates_repository,
        "tags": [tag_json(item) for item in copy.tags],
        "error": {"cause": copy.error.cause, "remedy": copy.error.remedy} if copy.error else None,
    }


def together(failed: Mapping[str, EcrTasksError]) -> EcrTasksError:
    """The one error for all destinations that failed, by place; its exit code is theirs, or the registry's."""
    (place, first), *others = failed.items()
    same = all(type(error) is type(first) for _, error in others)
    kind = type(first) if same else RegistryError
    more = "".join(f" Nor is it in {place}: {error.cause}" for place, error in others)
    remedies = " ".join(dict.fromkeys(error.remedy for error in failed.values()))
    return kind(f"Published, but not in {place}: {first.cause}{more}", f"{remedies} A second run does only that.")


def no_repository(destination: Destination, name: str) -> RegistryError:
    """The error for a destination's repository that is not there, with what creates it."""
    return RegistryError(
        f"The repository {name} does not exist in the {destination.registry}.",
        "Create it there, or set ECR_CREATE_REPOSITORY=true to let push do it; these credentials must see it.",
    )


def _locked(copy: PlannedCopy, item: PlannedTag, published: StoredImage) -> Refused:
    return Refused(
        locked_cause(item, copy.view, "there", f"this commit is {published.digest}"),
        "Give this commit a version of its own, or delete the tag there if it is wrong."
        if item.tag.kind == "fixed"
        else f"Make {item.tag.name} movable there (a mutability exclusion filter of the repository that matches it).",
    )
