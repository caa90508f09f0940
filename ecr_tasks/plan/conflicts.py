"""What is in the way of a plan, known before anything is built."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ecr_tasks.errors import EcrTasksError, Refused, SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.ecr_host import EcrHost, is_on_this_machine, parse_ecr_host
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import CACHE_TAG, StoredImage
from ecr_tasks.model.option_fields import cache_references
from ecr_tasks.model.reference import ImageName, parse_image_name
from ecr_tasks.model.refusals import missing_repository
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import PART_TAG, Tag
from ecr_tasks.plan.destinations import is_same_repository
from ecr_tasks.plan.forward import nothing_else
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.republish import commit_tag, revisions
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


def caches_over_tags(items: Sequence[PlannedImage], building: Sequence[PlannedImage]) -> Iterator[Conflict]:
    """Yield a conflict for each cache that the images to build would write over a tag of one of ``items``.

    A repository that was not read counts as one of any ECR, and of a registry on this machine.
    """
    builds = ((item, build) for item in building for build in item.image.definition.with_links())
    written = [(item, reference) for item, build in builds for reference in cache_references(build.cache_to)]
    owners = {place: item.image.name for item in items for place in _places(item)} if written else {}
    for item, reference in dict.fromkeys((item.image.name, reference) for item, reference in written):
        name = _image_name(reference)
        if name is None:
            continue
        host, tag = name.host or "", (name.repository, name.reference)
        is_near = parse_ecr_host(host) or is_on_this_machine(f"//{host}")
        owner = owners.get((_registry(host), *tag)) or (owners.get((None, *tag)) if is_near else None)
        if owner is not None:
            error = Refused(
                f"{item} would write its build cache as {reference}, a tag that this run gives the image {owner}.",
                f"Give the cache a tag that no image has, such as {CACHE_TAG}, in ECR_CACHE, ECR_CACHE_TO or the "
                "definition's cache-to.",
            )
            yield Conflict(item, error)


def _places(item: PlannedImage) -> Iterator[tuple[EcrHost | str | None, str | None, str]]:
    """Yield the registry, the repository and the tag of all that a run tags; no registry where it was not read."""
    tags = {tag.name for tag in (*item.image.local_tags, *item.image.tags)}
    if item.image.inputs and item.image.inputs.tag:
        tags.add(item.image.inputs.tag)
    if item.view is None or item.view.repository is None:
        yield from ((None, item.image.repository, tag) for tag in tags)
    for view in (item.view, *(copy.view for copy in item.copies)):
        if view is not None and view.repository is not None and (name := _image_name(view.repository.uri)):
            yield from ((_registry(name.host or ""), name.repository, tag) for tag in tags)


def _registry(host: str) -> EcrHost | str:
    """Return what all hosts of one registry have in common."""
    return parse_ecr_host(host) or host


def _image_name(reference: str) -> ImageName | None:
    """Return the parts of a reference, whose tag is ``latest`` where it has none; None for what is no reference."""
    has_tag = {":", "@"} & set(reference.rpartition("/")[2])
    try:
        return parse_image_name(reference if has_tag else f"{reference}:latest")
    except SettingsError:
        return None


def check_published(image: Image, view: RepositoryView, source: SourceState) -> None:
    """Raise Refused if the tag that the commit is published under has another commit's image."""
    first = commit_tag(image)
    published = view.tags.get(first.name) if first else None
    if first is None or published is None or is_ours(published, image, source.revision):
        return
    if any(stored.revision == source.revision for stored in revisions(image, view, source).values()):
        return  # its own revision was published beside that image
    raise of_another_commit(first, image.repository, published, shallow=source.shallow)


def of_another_commit(
    tag: Tag, repository: str, published: StoredImage, ours: str = "", *, shallow: bool = False
) -> Refused:
    """Return the error for a fixed tag that has another commit's image; ``ours`` is a clause about this one's.

    In a ``shallow`` clone git can't prove that the commits have the same inputs, as an earlier run may have found.
    """
    return Refused(
        f"The tag {tag.name} in {repository} is {published.digest}, built from another commit, "
        f"{published.revision}{ours}"
        + (", and this shallow clone can't show whether the two have the same inputs." if shallow else "."),
        "Fetch the whole history, and run it again: `git fetch --unshallow`."
        if shallow
        else "Delete that tag in ECR, and run it again."
        if tag.name.startswith(PART_TAG)
        else "Make a new commit, whose id begins otherwise, and run it again."
        if tag.names_commit
        else "Give this commit a version of its own, or delete the tag in ECR if it is wrong.",
    )


def _locked(item: PlannedImage, tag: PlannedTag) -> Refused:
    ours = f"this commit is {item.published.digest}" if item.published else "this commit would give another image"
    remedy = f"Make {tag.tag.name} movable: `inv repo.ensure` shows and sets the exclusion filters of the tag rules."
    if tag.tag.kind == "fixed":
        remedy = "Give this commit a version of its own, or delete the tag in ECR if it is wrong."
    return locked_planned_tag(tag, item.view, f"in {item.image.repository}", ours, remedy)
