"""What will happen and why: Settings, source and what the registry says, made into one Plan. Pure.

The order of thought is interface.md's "Publishing, precisely".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecr_tasks.copies import PlannedCopy, copy_json
from ecr_tasks.definition import BuildDefinition, Keep
from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.registry import RepositoryView, StoredImage
from ecr_tasks.source import SourceState
from ecr_tasks.tag_plan import PlannedTag, plan_tag, tag_json
from ecr_tasks.tagging import Tag


@dataclass(frozen=True)
class Image:
    """One image to publish: what it is called, where it goes and what it is made of."""

    name: str
    repository: str
    definition: BuildDefinition
    tags: tuple[Tag, ...]


@dataclass(frozen=True)
class PlannedImage:
    """One image and what will become of it."""

    image: Image
    tags: tuple[PlannedTag, ...]
    build_needed: bool
    because: str
    view: RepositoryView | None = None
    creates_repository: bool = False
    keep: Keep = "store"
    copies: tuple[PlannedCopy, ...] = ()
    """What becomes of it in more registries (``ECR_DESTINATIONS``)."""

    @property
    def registry(self) -> str | None:
        """The registry's host, where a repository told us."""
        repository = self.view.repository if self.view else None
        return repository.host if repository else None

    @property
    def reference(self) -> str | None:
        """``host/repository:tag`` that it is published under, where a repository told us its host."""
        repository = self.view.repository if self.view else None
        return f"{repository.uri}:{self.image.tags[0].name}" if repository else None

    @property
    def published(self) -> StoredImage | None:
        """The image that this commit is published as already, or None."""
        if self.build_needed or self.view is None:
            return None
        return self.view.tags.get(self.image.tags[0].name)


@dataclass(frozen=True)
class Conflict:
    """A reason not to go on, known before anything is built."""

    image: str
    error: EcrTasksError


@dataclass(frozen=True)
class Plan:
    """The whole decision."""

    images: tuple[PlannedImage, ...]
    conflicts: tuple[Conflict, ...]

    def check(self) -> None:
        """Raises the first conflict, naming them all when there are several."""
        if not self.conflicts:
            return
        first = self.conflicts[0].error
        if len(self.conflicts) > 1:
            causes = "".join(f"\n  {conflict.error.cause}" for conflict in self.conflicts)
            cause = f"{len(self.conflicts)} things stand in the way:{causes}\n"
            raise type(first)(cause, first.remedy)
        raise first

    def as_json(self) -> dict[str, Any]:
        """The document of `plan --json` (interface.md, What comes out)."""
        return {
            "images": [_image_json(planned) for planned in self.images],
            "conflicts": [
                {"image": item.image, "cause": item.error.cause, "remedy": item.error.remedy}
                for item in self.conflicts
            ],
        }


def make_plan(
    images: Sequence[Image],
    source: SourceState,
    views: Mapping[str, RepositoryView] | None,
    *,
    create_repository: bool = False,
) -> Plan:
    """Plans images against what the registry holds (``views``, by repository; None: it was not asked)."""
    planned: list[PlannedImage] = []
    conflicts: list[Conflict] = []
    for image in images:
        view = views[image.repository] if views is not None else None
        item = _plan_image(image, source, view, create_repository)
        planned.append(item)
        conflicts += [Conflict(image.name, error) for error in _conflicts(item, source)]
    return Plan(tuple(planned), tuple(conflicts))


def _plan_image(
    image: Image, source: SourceState, view: RepositoryView | None, create_repository: bool
) -> PlannedImage:
    if view is None:
        tags = tuple(PlannedTag(tag) for tag in image.tags)
        return PlannedImage(image, tags, build_needed=True, because="as asked")
    if view.repository is None:
        tags = tuple(PlannedTag(tag, "new") for tag in image.tags)
        because = f"the repository {image.repository} does not exist yet"
        return PlannedImage(image, tags, True, because, view, creates_repository=create_repository)
    publishing = image.tags[0]
    published = view.tags.get(publishing.name) if publishing.kind == "fixed" else None
    tags = tuple(plan_tag(tag, view, published, pushed=tag is publishing) for tag in image.tags)
    return PlannedImage(image, tags, published is None, _because(publishing, published, source), view)


def _because(publishing: Tag, published: StoredImage | None, source: SourceState) -> str:
    if published is not None:
        return f"this commit is published as {publishing.name}"
    if source.revision is None:
        return "there is no commit to know it by"
    if source.dirty:
        return "the tree has uncommitted changes"
    return f"no image is tagged {publishing.name} yet"


def _conflicts(planned: PlannedImage, source: SourceState) -> list[EcrTasksError]:
    view, name = planned.view, planned.image.repository
    if view is None:
        return []
    if view.repository is None:
        return [] if planned.creates_repository else [no_repository(name)]
    published = planned.published
    if published is not None and published.revision not in (None, source.revision):
        return [
            Refused(
                f"The tag {planned.image.tags[0].name} in {name} is {published.digest}, built from another "
                f"commit, {published.revision}.",
                "Make a new commit, whose id begins otherwise, and run it again.",
            )
        ]
    return [_locked(planned, item) for item in planned.tags if item.state == "locked"]


def no_repository(name: str) -> RegistryError:
    """The error for a repository that is not there, with the command that creates it."""
    return RegistryError(
        f"The repository {name} does not exist in this registry.",
        "Create it with `inv repo.ensure`, or set ECR_CREATE_REPOSITORY=true to let push do it.",
    )


def _locked(planned: PlannedImage, item: PlannedTag) -> Refused:
    published = planned.published
    ours = f"this commit is {published.digest}" if published else "this commit would give another image"
    there = planned.view.tags[item.tag.name] if planned.view else None
    origin = f", built from {there.revision}" if there is not None and there.revision else ""
    why = "a fixed tag never moves" if item.tag.kind == "fixed" else "the repository makes this tag immutable"
    cause = f"The tag {item.tag.name} in {planned.image.repository} is {item.digest}{origin}, and {ours}; {why}."
    if item.tag.kind == "fixed":
        return Refused(cause, "Give this commit a version of its own, or delete the tag if it is wrong.")
    return Refused(
        cause,
        f"Make {item.tag.name} movable (a mutability exclusion filter of the repository that matches it).",
    )


def _image_json(planned: PlannedImage) -> dict[str, Any]:
    return {
        "name": planned.image.name,
        "repository": planned.image.repository,
        "registry": planned.registry,
        "creates_repository": planned.creates_repository,
        "build": {"needed": planned.build_needed, "because": planned.because},
        "tags": [tag_json(item) for item in planned.tags],
        "destinations": [copy_json(copy) for copy in planned.copies],
    }
