"""What will happen and why: Settings, source and what the registry says, made into one Plan. Pure.

The order of thought is interface.md's "Publishing, precisely".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_tasks.errors import EcrTasksError, Refused, RegistryError
from ecr_tasks.model.image import Image, Keep
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.destinations import PlannedCopy, copy_json
from ecr_tasks.plan.retag import PlannedTag, locked_cause, plan_tag, tag_json
from ecr_tasks.plan.skip import because, is_ours, same_commit, same_inputs
from ecr_tasks.settings.schema import Skip
from ecr_tasks.source.state import SourceState

if TYPE_CHECKING:
    pass


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
    published: StoredImage | None = None
    """The image that this commit, or the same inputs, are published as already."""
    rebuilds: bool = False
    """Whether it is built whatever is published (ECR_SKIP=never): then no other image may take its place."""

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
    def turns(self) -> tuple[str, ...]:
        """What one run at a time publishes: its reference, and whatever is made of the same inputs."""
        repository, inputs = self.view.repository if self.view else None, self.image.inputs
        tags = (self.image.tags[0].name, inputs.tag if inputs else None)
        return tuple(f"{repository.uri}:{tag}" for tag in tags if tag) if repository else ()

    @property
    def inputs_state(self) -> PlannedTag | None:
        """The inputs' tag and what becomes of it; None where it is not set, and none is there."""
        inputs, view = self.image.inputs, self.view
        if inputs is None or inputs.tag is None or view is None:
            return None
        there = view.tags.get(inputs.tag)
        theirs = self.published.inputs if self.published else inputs.digest
        if there is None and theirs != inputs.digest:
            return None
        tag = Tag(inputs.tag, "fixed", "ECR_SKIP=content", "the inputs")
        return PlannedTag(tag, "present" if there else "new", there.digest if there else None)


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
    skip: Skip = "commit",
) -> Plan:
    """Plans images against what the registry holds (``views``, by repository; None: it was not asked)."""
    planned: list[PlannedImage] = []
    conflicts: list[Conflict] = []
    for image in images:
        view = views[image.repository] if views is not None else None
        item = _plan_image(image, source, view, create_repository, skip)
        planned.append(item)
        conflicts += [Conflict(image.name, error) for error in _conflicts(item, source)]
    return Plan(tuple(planned), tuple(conflicts))


def _plan_image(
    image: Image, source: SourceState, view: RepositoryView | None, create_repository: bool, skip: Skip
) -> PlannedImage:
    if view is None:
        tags = tuple(PlannedTag(tag) for tag in image.tags)
        return PlannedImage(image, tags, build_needed=True, because="as asked")
    if view.repository is None:
        tags = tuple(PlannedTag(tag, "new") for tag in image.tags)
        why = f"the repository {image.repository} does not exist yet"
        return PlannedImage(image, tags, True, why, view, creates_repository=create_repository)
    rebuilds = skip == "never"
    published = same_commit(image, view) or same_inputs(image, view)
    builds = published is None or rebuilds
    tags = tuple(plan_tag(tag, view, published, pushed=builds and tag is image.tags[0]) for tag in image.tags)
    why = because(image, view, source, rebuilds=rebuilds)
    return PlannedImage(image, tags, builds, why, view, published=published, rebuilds=rebuilds)


def _conflicts(planned: PlannedImage, source: SourceState) -> list[EcrTasksError]:
    view, name = planned.view, planned.image.repository
    if view is None:
        return []
    if view.repository is None:
        return [] if planned.creates_repository else [no_repository(name)]
    published = same_commit(planned.image, view)
    if published is not None and not is_ours(published, planned.image, source):
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
    cause = locked_cause(item, planned.view, f"in {planned.image.repository}", ours)
    if item.tag.kind == "fixed":
        return Refused(cause, "Give this commit a version of its own, or delete the tag in ECR if it is wrong.")
    return Refused(
        cause,
        f"Make {item.tag.name} movable: `inv repo.ensure` shows and sets the exclusion filters of the tag rules.",
    )


def _image_json(planned: PlannedImage) -> dict[str, Any]:
    return {
        "name": planned.image.name,
        "repository": planned.image.repository,
        "registry": planned.registry,
        "creates_repository": planned.creates_repository,
        "build": {"needed": planned.build_needed, "because": planned.because},
        "inputs": _inputs_json(planned.image),
        "tags": [tag_json(item) for item in planned.tags],
        "destinations": [copy_json(copy) for copy in planned.copies],
    }


def _inputs_json(image: Image) -> dict[str, Any] | None:
    inputs = image.inputs
    return {"digest": inputs.digest, "tag": inputs.tag, "because": inputs.unknown} if inputs else None
