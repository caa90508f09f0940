"""Set the tags of an image in the registry: first the fixed ones, then the moving ones, then `latest`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import begin, map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.refusals import locked_tag
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.tag_states import PlannedTag, is_contested, is_replaceable

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Target

Read = Callable[[StoredImage], StoredImage]
"""Returns an image with its manifest, and with its labels where the manifest doesn't name its commit."""

Newer = Callable[[Tag, StoredImage, Read], "str | None"]
"""Returns why the image that has a moving tag is newer than the one to publish, as a sentence; None if it isn't."""


@dataclass(frozen=True)
class Look:
    """The image that a tag had; None for one that didn't exist. ``began`` is when it was asked (time.monotonic)."""

    image: StoredImage | None
    began: float

    @property
    def is_fresh(self) -> bool:
        """Whether the tag need not be looked at once more before it is set."""
        return time.monotonic() - self.began < LOOK_SECONDS


Seen = Mapping[str, Look]
"""The looks at tags, by their names."""

PARALLEL = 8
"""How many tags are set at once; ECR's own limit is kept to by the registry."""

LOOK_SECONDS = 0.5
"""How old a look at a tag may be when that is set: the rate limit, say, may hold it back."""


def any_order(tag: Tag, current: StoredImage, read: Read) -> str | None:
    """Return None: nothing is known of the order of commits."""
    return None


def fixed_digests(pending: Sequence[PlannedTag], repository: Repository, registry: Target) -> Mapping[str, str]:
    """Look at the fixed tags among the pending ones again, and return the digests of those that exist by now."""
    return registry.tag_digests(
        repository, [item.tag.name for item in pending if item.tag.kind == "fixed" and not item.stays]
    )


def digests_of(images: Mapping[str, StoredImage]) -> dict[str, str]:
    """Return the digests of images by tag."""
    return {tag: image.digest for tag, image in images.items()}


def free_tags(
    pending: Sequence[PlannedTag], existing: Mapping[str, str], image: str, repository: Repository
) -> list[PlannedTag]:
    """Return the pending tags without those that have the image by now; ``image`` is its digest or id.

    ``existing`` are the digests of ``fixed_digests``: the plan may be as old as a build, a wait or an upload. Raises
    Refused for the first fixed tag that another image has by now, also where ECR would let it be moved.
    """
    _refuse_taken([item.tag for item in pending], existing, image, repository)
    return [item for item in pending if item.tag.name not in existing]


def check_kept(tags: Sequence[PlannedTag], digest: str, repository: Repository, registry: Target) -> None:
    """Raise Refused if another run has set one of the fixed tags at the same moment as this one.

    ECR can't set a tag only where there is none: of two runs that look and set in the same few milliseconds, the
    first learns of it here. Tags that ECR locks are not looked at.
    """
    contested = [item.tag for item in tags if is_contested(item, repository)]
    existing = registry.tag_digests(repository, [tag.name for tag in contested])
    _refuse_taken(contested, existing, digest, repository)


def _refuse_taken(tags: Sequence[Tag], existing: Mapping[str, str], image: str, repository: Repository) -> None:
    taken = next((tag for tag in tags if existing.get(tag.name, image) != image), None)
    if taken is not None:
        raise locked_tag(
            taken.name,
            f"in {repository.uri}",
            existing[taken.name],
            f"the image to publish is {image}",
            "fixed tag",
            remedy="Run it again, which takes the image that is there."
            if taken.names_commit
            else "Give this commit a version of its own, or delete the tag in ECR if it is wrong.",
        )


class _Newer(Exception):
    """The image that a moving tag has got before a further attempt to set it is newer than ours."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


def set_tags(
    pending: Sequence[PlannedTag],
    image: StoredImage,
    repository: Repository,
    registry: Target,
    warn: Callable[[str], None],
    newer: Newer = any_order,
    seen: Seen = MappingProxyType({}),
    retrier: Retrier | None = None,
    looked_at: float | None = None,
) -> tuple[bool, dict[str, str]]:
    """Set the pending tags, except those that stay on a higher release or a newer image.

    The fixed ones are set first, several at a time, and then the moving ones. The caller has looked at the fixed ones
    (``free_tags``), just now or at ``looked_at`` (time.monotonic). With ``newer``, a moving tag is looked at while
    the fixed ones are set, for another pipeline may have moved it since, unless that was done just now (``seen``). A
    look that has become old before its tag is set is made once more. The registry waits by the ``retrier``. Returns
    whether any tag was set, and why each of the others stays. Raises the first error when all of a kind have been
    tried; those that were set stay so.
    """
    looked_at = time.monotonic() if looked_at is None else looked_at
    left: dict[str, str] = {}
    fixed = {item.tag.name for item in pending if item.tag.kind == "fixed"}

    def leave(name: str, because: str) -> None:
        left[name] = because
        if name not in fixed:  # a fixed tag that stays is no surprise: it never moves
            warn(f"{because}.")

    def put(item: PlannedTag) -> str | None:
        """Set a tag, or return why it stays."""
        if item.tag.release:
            return newer_now(item, repository, registry, newer, seen)
        with registry.permit(repository, 1):  # a wait that comes before the look
            try:
                if item.tag.kind == "fixed" and time.monotonic() - looked_at > LOOK_SECONDS:
                    look_again(item)
                elif because := newer_now(item, repository, registry, newer, seen):
                    return because
                delete_replaceable(item, repository, registry)
                registry.set_tag(repository, image, item.tag.name, partial(look_again, item))
            except _Newer as error:
                return error.because
        return None

    def look_again(item: PlannedTag) -> None:
        """Raise an error where the tag is not to be set by now; ECR itself keeps what it locks."""
        if not repository.locks(item.tag.name):
            free_tags([item], fixed_digests([item], repository, registry), image.digest, repository)
        if because := newer_now(item, repository, registry, newer):
            raise _Newer(because)

    forward = [item.tag for item in pending if item.tag.release and not item.stays]
    any_set = False
    fresh = {name for name, look in seen.items() if look.is_fresh}
    unseen = [item for item in pending if not item.stays and item.tag.name not in fresh]
    if newer is not any_order and fixed:  # at the same time as these are set; else each is looked at by itself
        looked = begin(partial(look_at_moving, unseen, repository, registry))
    else:
        looked = dict
    for kind in ("fixed", "moving"):
        of_kind = [item for item in pending if item.tag.kind == kind]
        putting = [item for item in of_kind if not item.stays]
        if kind == "moving":
            seen = {**seen, **looked()}
        stays = dict(zip(putting, map_parallel(put, putting, PARALLEL, retrier), strict=True))
        for item in of_kind:
            because = item.tag.because if item.stays else stays[item]
            if because is not None:
                leave(item.tag.name, because)
            elif not item.tag.release:
                any_set = True
    if forward:
        from ecr_tasks.execute.move_latest import move_forward

        any_set = bool(move_forward(forward, image, repository, registry, leave)) or any_set
    return any_set, left


def look_at_moving(tags: Sequence[PlannedTag], repository: Repository, registry: Target) -> Seen:
    """Return the images of the tags that move to newer commits only, for ``set_tags``."""
    began = time.monotonic()
    moving = [item.tag.name for item in tags if item.tag.forward is not None]
    images = registry.images(repository, moving) if moving else {}
    return {name: Look(images.get(name), began) for name in moving}


def newer_now(
    item: PlannedTag, repository: Repository, registry: Target, newer: Newer, seen: Seen = MappingProxyType({})
) -> str | None:
    """Return why the image that has a moving tag by now is newer than ours; None if it isn't."""
    if item.tag.forward is None or newer is any_order:
        return None
    look = seen.get(item.tag.name)
    current = look.image if look and look.is_fresh else registry.image(repository, item.tag.name)
    return newer(item.tag, current, lambda image: read_commit(image, repository, registry)) if current else None


def read_commit(image: StoredImage, repository: Repository, registry: Target) -> StoredImage:
    """Return an image with its manifest, and with its labels where that doesn't name its commit."""
    image = registry.read(repository, image)
    return image if image.revision else replace(image, labels=registry.labels(repository, image))


def delete_replaceable(item: PlannedTag, repository: Repository, registry: Target) -> None:
    """Delete a tag of an uncommitted tree before it moves, if the repository locks it."""
    if item.state == "moves" and is_replaceable(item.tag) and repository.locks(item.tag.name):
        registry.untag(repository, item.tag.name)
