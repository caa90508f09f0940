"""The plan: what a run will build, push and tag, and the conflicts that prevent it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.cache import NO_CACHES, Caches, cache_notes, with_cache
from ecr_tasks.plan.conflicts import Conflict, caches_over_tags, image_conflicts, own_destinations
from ecr_tasks.plan.destinations import PlannedCopy, plan_copy, unique_destinations
from ecr_tasks.plan.forward import newer_images
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.republish import commit_tag, has_new_fixed_tag, revisions, with_revision
from ecr_tasks.plan.skip import same_commit, same_inputs, settings_that_differ, skip_reason
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.plan.tag_states import PlannedTag, plan_tag
from ecr_tasks.settings.schema import Skip
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Engine

MOST = 20
"""How many causes an error lists."""


@dataclass(frozen=True)
class Plan:
    """The planned images and the conflicts of a run."""

    images: tuple[PlannedImage, ...]
    conflicts: tuple[Conflict, ...]

    def check(self) -> None:
        """Raise the first conflict's error; with several conflicts its cause lists them all."""
        errors = [conflict.error for conflict in self.conflicts]
        if len(errors) > 1:
            causes = [error.cause for error in errors[:MOST]]
            causes += [f"and {len(errors) - MOST} more, which `inv plan` shows"] if len(errors) > MOST else []
            raise type(errors[0])(f"{len(errors)} things stand in the way:", errors[0].remedy, causes)
        if errors:
            raise errors[0]


def make_plan(
    images: Sequence[Image],
    source: SourceState,
    snapshot: Snapshot | None,
    *,
    create_repository: bool = False,
    skip: Skip = "commit",
    caches: Caches = NO_CACHES,
    republish: bool = False,
    destinations: Sequence[Destination] = (),
    engine: Engine | EcrTasksError | None = None,
    builds_all: bool = False,
) -> Plan:
    """Plan each image; ``snapshot`` is None when no registry was read, ``engine`` where nothing depends on it.

    With ``builds_all``, images that need no build are built too (`build` without `push`).

    Raises Refused when the repository locks the build cache's tag.
    """
    items = [
        plan_image(
            image,
            source,
            snapshot,
            create_repository=create_repository,
            skip=skip,
            caches=caches,
            republish=republish,
        )
        for image in images
    ]
    conflicts = [
        Conflict(item.image.name, error)
        for item in items
        for planned in (item.whole, item)
        if planned is not None
        for error in image_conflicts(planned, source)
    ]
    for index, item in enumerate(items):
        try:
            if item.build_needed or builds_all:
                items[index] = _with_keep(item, snapshot.engine if engine is None and snapshot else engine)
        except EcrTasksError as error:
            conflicts.append(Conflict(item.image.name, error))
    items = [
        replace(item, copies=_copies(item.whole or item, destinations, source, snapshot, create_repository))
        for item in items
    ]
    conflicts += own_destinations(items, snapshot.same_repository if snapshot else ())
    conflicts += caches_over_tags(items, [item for item in items if item.build_needed or builds_all])
    return Plan(tuple(items), tuple(conflicts))


def plan_image(
    image: Image,
    source: SourceState,
    snapshot: Snapshot | None,
    *,
    create_repository: bool,
    skip: Skip,
    caches: Caches = NO_CACHES,
    republish: bool = False,
) -> PlannedImage:
    """Decide whether one image is built, and plan its tags in the settings' registry.

    ``republish`` is whether to build a published commit anew, as a new revision. Of a part, the whole image is
    planned first: where that is published, the part isn't needed.
    """
    caches = caches.for_image(image.name)
    if image.whole is not None:
        whole = plan_image(
            image.whole,
            source,
            snapshot,
            create_repository=create_repository,
            skip=skip,
            caches=caches,
            republish=republish,
        )
        from ecr_tasks.plan.parts import part_of

        part = part_of(
            replace(image.whole, tags=whole.image.tags), image.definition.platforms[0], source.revision or ""
        )
        return _plan_part(part, whole, caches) if whole.build_needed else whole
    view = snapshot.repositories[image.repository] if snapshot is not None else None
    repository = view.repository if view else None
    notes = cache_notes(caches, repository, image.definition)
    image = replace(image, definition=with_cache(image.definition, caches, repository))
    if view is None:
        tags = tuple(PlannedTag(tag) for tag in image.tags)
        return PlannedImage(
            image, tags, build_needed=True, because="as asked", revision=source.revision, cache_notes=notes
        )
    if view.repository is None:
        tags = tuple(PlannedTag(tag, "new") for tag in image.tags)
        why = "its repository does not exist yet"
        return PlannedImage(
            image,
            tags,
            True,
            why,
            view,
            creates_repository=create_repository,
            revision=source.revision,
            cache_notes=notes,
        )
    republish = republish or bool(image.anew)
    rebuilds = skip == "never" or republish
    proof = snapshot.unchanged.get(image.name) if snapshot is not None else None
    if proof is not None:
        image = replace(image, same_as=proof.commits)
    if skip != "commit" or republish:
        proof = None
    published = same_commit(image, view, source) or (None if republish else same_inputs(image, view))
    if published is None and proof is not None:
        published = proof.published
    builds = published is None or rebuilds
    revision = _new_revision(image, view, published, republish=republish, never=skip == "never")
    image = with_revision(image, view, source, new=revision)
    newer = newer_images(image.tags, view, source, snapshot.relations) if snapshot else {}
    own = {stored.digest for stored in revisions(image, view, source).values()}
    expected = published if revision is None else None
    tags = tuple(plan_tag(tag, view, expected, newer=newer.get(tag.name), own=own) for tag in image.tags)
    why = skip_reason(image, view, source, rebuilds=skip == "never", revision=revision, proof=proof)
    why = "its repository does not exist yet" if view.template else why
    why = image.anew if image.anew and published is None else why
    return PlannedImage(
        image,
        tags,
        builds,
        why,
        view,
        published=published,
        rebuilds=rebuilds,
        makes_revision=revision is not None,
        own=own,
        revision=source.revision,
        other_settings=() if builds else settings_that_differ(image, view, source),
        cache_notes=notes,
    )


def _plan_part(part: Image, whole: PlannedImage, caches: Caches) -> PlannedImage:
    """Plan the part of an image that is to be built: it isn't, where the repository has it already."""
    view, platform, tag = whole.view, part.definition.platforms[0], part.tags[0]
    repository, caches = view.repository if view else None, caches.for_platform(platform)
    image = replace(part, definition=with_cache(part.definition, caches, repository))
    stored = view.tags.get(tag.name) if view else None
    planned = PlannedTag(tag) if view is None else PlannedTag(tag, "new")
    if view is not None and stored is not None:
        planned = plan_tag(tag, view, stored)
    return replace(
        whole,
        image=image,
        tags=(planned,),
        build_needed=stored is None or whole.rebuilds,
        because=whole.because if stored is None or whole.rebuilds else f"its {platform} is there as {tag.name}",
        published=stored,
        rebuilds=False,  # a part that is there is taken: the runners must agree on one
        makes_revision=False,
        own=(),
        other_settings=(),
        cache_notes=cache_notes(caches, repository, part.definition),
        whole=whole,
    )


def _new_revision(
    image: Image, view: RepositoryView, published: StoredImage | None, *, republish: bool, never: bool
) -> str | None:
    """Return why the build may be published as a new revision of a published commit; None if it may not.

    With ECR_SKIP=never it may only if a fixed tag is missing, such as that of a release: a published commit that
    doesn't come out as the same image could never get it. Or if the image is another commit's, as its labels say.
    """
    if published is None or commit_tag(image) is None:
        return None
    if republish:
        return image.anew or "--republish"
    if never and published.revision in image.same_as:
        return "ECR_SKIP is never, and its image is another commit's"
    return "ECR_SKIP is never, with a new fixed tag" if never and has_new_fixed_tag(image, view) else None


def depends_on_engine(item: PlannedImage) -> bool:
    """Return whether the engine must be known to build and keep this image."""
    if not item.build_needed:
        return False
    from ecr_tasks.plan.image_store import needs_engine

    return item.image.sbom_entry is not None or needs_engine(item.image.definition)


def other_images(tags: Sequence[PlannedTag], view: RepositoryView | None) -> Iterator[tuple[str, StoredImage]]:
    """Yield the tags whose present image's commit or settings matter, with that image.

    They are the locked ones, those that may stay with a newer image, and the tag that this commit is published under.
    """
    for item in tags:
        current = view.tags.get(item.tag.name) if view else None
        is_published = item is tags[0] and item.state == "present" and item.tag.kind == "fixed"
        may_stay = item.state == "moves" and item.tag.forward
        if current is not None and (is_published or may_stay or item.state == "locked"):
            yield item.tag.name, current


def _with_keep(item: PlannedImage, engine: Engine | EcrTasksError | None) -> PlannedImage:
    """Decide where the result stays until it is pushed. Raises the engine's error or that of ``keep_where``."""
    if engine is None:
        return item
    if isinstance(engine, EcrTasksError):
        raise engine
    from ecr_tasks.plan.image_store import check_sbom, keep_where

    if item.build_needed and item.view is not None:  # and so it is to be pushed
        check_sbom(item.image, engine)
    return replace(item, keep=keep_where(item.image.definition, engine), engine=engine)


def _copies(
    item: PlannedImage,
    destinations: Sequence[Destination],
    source: SourceState,
    snapshot: Snapshot | None,
    create_repository: bool,
) -> tuple[PlannedCopy, ...]:
    name = item.image.repository
    copies = []
    for destination in unique_destinations(destinations, name):
        answer = snapshot.destinations.get((name, destination)) if snapshot else None
        newer: Mapping[str, str] = {}
        if snapshot is not None and isinstance(answer, RepositoryView):
            newer = newer_images(item.image.tags, answer, source, snapshot.relations)
        copies.append(
            plan_copy(
                destination,
                destination.name_of(name),
                item.image.tags,
                answer,
                None if item.build_needed else item.published,
                create_repository=create_repository,
                replicates=snapshot is not None and (name, destination) in snapshot.replicated,
                newer=newer,
                own=item.own,
            )
        )
    return tuple(copies)
