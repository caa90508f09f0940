"""Which published images stand on a base image that has moved: their annotations beside what is there now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import split_revision
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import CACHE_TAG, INPUTS_TAG, StoredImage

State = Literal["current", "moved", "unknown", "replaced"]
"""A replaced image is published anew: all of its tags have a later revision (``1.2.3-r2``)."""

_TELLING: tuple[State, ...] = ("moved", "unknown", "current")
"""The states of an image on several base images, the one that decides first."""


@dataclass(frozen=True)
class Standing:
    """A published image and the base image that it stands on; ``because`` says why its state is not known."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    name: str | None = None
    base: str | None = None
    now: str | None = None
    state: State = "unknown"
    because: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the image's entry in the task's JSON document."""
        return {
            "repository": self.repository,
            "digest": self.digest,
            "tags": list(self.tags),
            "base": {"name": self.name, "digest": self.base, "now": self.now},
            "state": self.state,
            "because": self.because or None,
        }


def tagged_images(details: Sequence[ImageDetail], pattern: str | None, most: int | None) -> list[ImageDetail]:
    """Return the images that have tags of ours, the newest first, the first ``most`` of them.

    With a ``pattern``, one of the tags must match it, as a shell's.
    """
    images = [
        detail
        for detail in details
        if detail.kind == "image" and detail.status == "ACTIVE" and any(pattern_fits(detail, pattern))
    ]
    return sorted(images, key=_age, reverse=True)[:most]


def pattern_fits(detail: ImageDetail, pattern: str | None) -> Sequence[bool]:
    """Return for each tag of an image, but those of caches and inputs, whether a pattern fits it."""
    return [pattern is None or fnmatchcase(tag, pattern) for tag in own_tags(detail)]


def own_tags(detail: ImageDetail) -> tuple[str, ...]:
    """Return the tags of an image that the tag rules gave it."""
    return tuple(tag for tag in detail.own_tags if not tag.startswith((CACHE_TAG, INPUTS_TAG)))


def replacements(details: Sequence[ImageDetail]) -> dict[str, str]:
    """Return the images of a repository of which every tag has a later revision, by digest: that of their first tag.

    They stay as they were published, whatever becomes of their base images.
    """
    latest: dict[str, tuple[int, str]] = {}
    for detail in details:
        for tag in own_tags(detail):
            name, number = split_revision(tag)
            latest[name] = max(latest.get(name, (0, "")), (number, tag))

    def newer(tag: str) -> str | None:
        name, number = split_revision(tag)
        return latest[name][1] if latest[name][0] > number else None

    found = {detail.digest: [newer(tag) for tag in own_tags(detail)] for detail in details}
    return {digest: tags[0] for digest, tags in found.items() if tags and tags[0] and all(tags)}


def base_names(image: StoredImage) -> tuple[str, ...]:
    """Return the names of an image's base images of which a registry can say what they are now: those with a tag."""
    return tuple(name for name, _ in (image.bases if image.is_read else ()) if _has_tag(name))


def _has_tag(name: str) -> bool:
    return ":" in name.rpartition("/")[2]


def standing(
    repository: str,
    detail: ImageDetail,
    image: StoredImage | None,
    now: Mapping[str, str | EcrTasksError],
    anew: str | None = None,
) -> Standing:
    """Return how an image stands on its base; ``now`` has each base image's present digest, or why there is none.

    ``anew`` is the tag under which the image is published anew. Of several base images, one that has moved decides.
    """
    if anew is not None:
        because = f"published anew as {anew}"
        return Standing(repository, detail.digest, own_tags(detail), state="replaced", because=because)
    bases = image.bases if image is not None and image.is_read else ()
    if not bases:
        return Standing(repository, detail.digest, own_tags(detail), because="it doesn't say what it stands on")
    found = [_on_base(Standing(repository, detail.digest, own_tags(detail), *base), now) for base in bases]
    return min(found, key=lambda item: _TELLING.index(item.state))


def _on_base(item: Standing, now: Mapping[str, str | EcrTasksError]) -> Standing:
    if not _has_tag(item.name or ""):
        return replace(item, because="its base image has no tag that could move")
    current = now[item.name or ""]
    if isinstance(current, EcrTasksError):
        return replace(item, because=current.cause)
    return replace(item, now=current, state="current" if current == item.base else "moved")


def _age(detail: ImageDetail) -> float:
    return detail.begun.timestamp() if detail.begun else 0.0
