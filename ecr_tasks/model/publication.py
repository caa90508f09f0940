"""What a run published, as the receipt's document tells it, for those who deploy it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES
from ecr_tasks.model.receipt import SCHEMA


@dataclass(frozen=True)
class PublishedImage:
    """One image in one registry.

    ``name`` is the bake file's target or the compose file's service; in a project with one Dockerfile it is the
    repository, and ``is_only`` is True. ``registry`` is a host. ``platforms`` and ``media_type`` are empty where they
    aren't known. ``state`` is what the run did: ``pushed``, ``retagged`` or ``already-published``; it is empty for an
    image that was looked up in ECR.
    """

    name: str
    registry: str
    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    media_type: str = ""
    state: str = ""
    is_only: bool = False

    @property
    def address(self) -> str:
        """``host/repository``"""
        return f"{self.registry}/{self.repository}"

    @property
    def reference(self) -> str:
        """``host/repository@sha256:…``, which never gives another image."""
        return f"{self.address}@{self.digest}"

    @property
    def short_name(self) -> str:
        """The name without what stands before its last slash: ``app`` of ``team/app``."""
        return self.name.rpartition("/")[2]

    @property
    def is_index(self) -> bool:
        """Whether it is an index of several images (platforms, attestations) rather than one image."""
        return self.media_type in INDEX_MEDIA_TYPES


@dataclass(frozen=True)
class Publication:
    """What was published from one source: the images, each in its own registry first, then at the destinations.

    ``revision`` is the commit; ``dirty`` is whether an image has uncommitted changes.
    """

    revision: str | None
    dirty: bool
    branch: str | None
    tag: str | None
    images: tuple[PublishedImage, ...]

    @property
    def references(self) -> tuple[str, ...]:
        """``host/repository@sha256:…`` of every image in every registry."""
        return tuple(image.reference for image in self.images)

    def image(self, name: str | None = None) -> PublishedImage:
        """Return the image of that name in its own registry; without a name, the only one.

        Raises LookupError when there is no such image, or when several are there and none is named.
        """
        first = {image.name: image for image in reversed(self.images)}
        if name is None and len(first) == 1:
            return next(iter(first.values()))
        if name is None or name not in first:
            raise LookupError(f"Name one of these images: {', '.join(reversed(first)) or 'none was published'}.")
        return first[name]


def publication_of(document: Any) -> Publication:
    """Return what a receipt's document says was published.

    Raises ValueError for a document that isn't as :meth:`ecr_tasks.model.receipt.Receipt.as_json` writes it.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    try:
        images = document["images"]
        sources = [image["source"] for image in images if image["published"]]
        source: Mapping[str, Any] = sources[0] if sources else {}
        return Publication(
            source.get("revision"),
            any(item["dirty"] for item in sources),
            source.get("branch"),
            source.get("tag"),
            tuple(_published(image, entry) for image in images for entry in image["published"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is no receipt") from error


def _published(image: Mapping[str, Any], entry: Mapping[str, Any]) -> PublishedImage:
    address, _, digest = entry["reference"].partition("@")
    if address != f"{entry['registry']}/{entry['repository']}" or not digest:
        raise ValueError(f"it has the reference {address[:200]!r}")
    return PublishedImage(
        name=image["name"],
        registry=entry["registry"],
        repository=entry["repository"],
        digest=digest,
        tags=_texts(entry["tags"]),
        platforms=_texts(image["platforms"]),
        media_type=entry.get("media_type") or "",
        state=entry["state"],
        is_only=image["name"] == image["published"][0]["repository"],
    )


def _texts(value: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(item) for item in value)
