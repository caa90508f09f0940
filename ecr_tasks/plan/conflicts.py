"""What is in the way of a plan, known before anything is built."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ecr_tasks.errors import EcrTasksError, Refused, SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.refusals import missing_repository
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.destinations import is_same_repository
from ecr_tasks.plan.forward import nothing_else
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.republish import commit_tag
from ecr_tasks.plan.skip import is_ours
from ecr_tasks.plan.tag_states import PlannedTag, locked_planned_tag
from ecr_tasks.source.source_state import SourceState

CREATE_OR_ALLOW = "Create it with `inv repo.ensure`, or set ECR_CREATE_REPOSITORY=true to let push do it."


@dataclass(frozen=True)
class Conflict:
    """An error for one image that is known before anything is built."""

    image: str
    error: EcrTasksError


def image_conflicts(item: PlannedImage, source: SourceState) -> list[EcrTasksError]:
    """Return what in the settings' registry is in the way of an image and its tags."""
    view, name = item.view, item.image.repository
    if view is None:
        return []
    if view.repository is None:
        return [] if item.creates_repository else [missing_repository(name, remedy=CREATE_OR_ALLOW)]
    try:
        check_published(item.image, view, source)
    except Refused as error:
        return [error]
    if item.build_needed and item.tags[0].stays:
        return [nothing_else(item.tags[0].tag.because)]
    return [_locked(item, tag) for tag in item.tags if tag.state == "locked"]


def own_destinations(
    items: Sequence[PlannedImage], same_repository: Collection[tuple[str, Destination]]
) -> Iterator[Conflict]:
    """Yield a conflict for each destination that is the settings' own repository."""
    for item in items:
        for copy in item.copies:
            if (
                is_same_repository(item.view, copy.view)
                or (item.image.repository, copy.destination) in same_repository
            ):
                error = SettingsError(
                    f"ECR_DESTINATIONS names {copy.destination}, which is the repository that is pushed to anyway.",
                    "Take it out: ECR_DESTINATIONS are registries besides.",
                )
                yield Conflict(item.image.name, error)


def check_published(image: Image, view: RepositoryView, source: SourceState) -> None:
    """Raise Refused if the tag that the commit is published under has another commit's image."""
    first = commit_tag(image)
    published = view.tags.get(first.name) if first else None
    if first is not None and published is not None and not is_ours(published, image, source.revision):
        raise of_another_commit(first, image.repository, published)


def of_another_commit(tag: Tag, repository: str, published: StoredImage, ours: str = "") -> Refused:
    """Return the error for a fixed tag that has another commit's image; ``ours`` is a clause about this one's."""
    return Refused(
        f"The tag {tag.name} in {repository} is {published.digest}, built from another commit, "
        f"{published.revision}{ours}.",
        "Make a new commit, whose id begins otherwise, and run it again."
        if tag.names_commit
        else "Give this commit a version of its own, or delete the tag in ECR if it is wrong.",
    )


def _locked(item: PlannedImage, tag: PlannedTag) -> Refused:
    ours = f"this commit is {item.published.digest}" if item.published else "this commit would give another image"
    remedy = f"Make {tag.tag.name} movable: `inv repo.ensure` shows and sets the exclusion filters of the tag rules."
    if tag.tag.kind == "fixed":
        remedy = "Give this commit a version of its own, or delete the tag in ECR if it is wrong."
    return locked_planned_tag(tag, item.view, f"in {item.image.repository}", ours, remedy)
