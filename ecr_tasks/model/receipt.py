"""The receipt of a run: what was built and published, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import Keep
from ecr_tasks.model.manifest import StoredImage

FOLDER = ".ecr-tasks"
"""The project's folder for the receipt and the CI output files."""

SCHEMA = 1
"""The version of the receipt's JSON document."""

Transport = Literal["push", "copy", "replication"]
"""How an image comes into a registry: docker pushes it, we copy it, or ECR replicates it."""

PublishState = Literal["pushed", "retagged", "already-published"]


@dataclass(frozen=True)
class Built:
    """One built image: the build it is the result of, and how store and registry name it.

    ``digest`` is None where a classic store makes the manifest only when it pushes; ``image_id`` is None where the
    result stays with the builder. ``key`` names definition and source; it is None when the source is under no
    version control. ``seconds`` is the time that the build took.
    """

    name: str
    key: str | None
    digest: str | None
    image_id: str | None
    platforms: tuple[str, ...]
    keep: Keep
    seconds: float
    reference: str | None = None
    """The name in the registry that the build gave it; None when it has yet to be tagged."""

    def as_json(self) -> dict[str, Any]:
        """Return what the next run needs to push exactly this image; the key is a hash and reveals nothing."""
        document = {name: getattr(self, name) for name in ("key", "digest", "image_id", "keep")}
        return {**document, "platforms": list(self.platforms)}


@dataclass(frozen=True)
class Published:
    """An image as one registry holds it, and what this run did for that.

    ``registry`` is the host. ``transport`` is None where the image was there before the run.
    """

    name: str
    registry: str
    repository: str
    digest: str
    tags: tuple[str, ...]
    state: PublishState
    image: StoredImage
    transport: Transport | None = None

    @property
    def reference(self) -> str:
        """``host/repository@sha256:…``"""
        return f"{self.registry}/{self.repository}@{self.digest}"

    def as_json(self) -> dict[str, Any]:
        """Return the entry in an image's ``published``."""
        return {
            "registry": self.registry,
            "repository": self.repository,
            "tags": list(self.tags),
            "reference": self.reference,
            "state": self.state,
            "by": self.transport,
        }


@dataclass(frozen=True)
class FailedCopy:
    """A destination that lacks the image, or one of its tags. ``place`` is the repository's address."""

    place: str
    error: EcrTasksError


@dataclass(frozen=True)
class ImageReceipt:
    """What a run did with one image.

    ``tags`` are the planned tags, the most important first. ``published`` has the repository itself first, then the
    destinations. ``size`` and ``sizes`` (by platform) are compressed bytes.
    """

    name: str
    repository: str
    tags: tuple[str, ...]
    because: str
    version: str | None = None
    built: Built | None = None
    published: tuple[Published, ...] = ()
    failed: tuple[FailedCopy, ...] = ()
    platforms: tuple[str, ...] = ()
    size: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def digest(self) -> str | None:
        """The digest of the published image, else of the built one."""
        image = self.published[0] if self.published else self.built
        return image.digest if image else None


@dataclass(frozen=True)
class Source:
    """The source of the images, as the receipt records it."""

    revision: str | None
    dirty: bool
    branch: str | None
    tag: str | None
    pull_request: str | None
    ci: str | None


@dataclass(frozen=True)
class Receipt:
    """What a run built and published. ``complete`` is False when something that was planned was not done."""

    source: Source
    images: tuple[ImageReceipt, ...] = ()
    complete: bool = True

    def image(self, name: str) -> ImageReceipt:
        """Return the entry of that name."""
        return next(item for item in self.images if item.name == name)

    @property
    def references(self) -> tuple[str, ...]:
        """``host/repository@sha256:…`` of every place where an image is published."""
        return tuple(published.reference for item in self.images for published in item.published)

    @property
    def failed(self) -> Mapping[str, EcrTasksError]:
        """The errors of the destinations that lack an image or a tag, by address."""
        return {failed.place: failed.error for item in self.images for failed in item.failed}

    def with_image(self, image: ImageReceipt) -> Receipt:
        """Return the receipt with this image's entry, in place of an earlier one of that name."""
        images = {item.name: item for item in self.images} | {image.name: image}
        return replace(self, images=tuple(images.values()))

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``.ecr-tasks/receipt.json``."""
        return {"schema": SCHEMA, "images": [_image(item, self.source) for item in self.images]}


def _image(item: ImageReceipt, source: Source) -> dict[str, Any]:
    return {
        "name": item.name,
        "digest": item.digest,
        "platforms": list(item.platforms or (item.built.platforms if item.built else ())),
        "size": item.size,
        "source": asdict(source),
        "published": [published.as_json() for published in item.published],
        "failed": [
            {"destination": failed.place, "cause": failed.error.cause, "remedy": failed.error.remedy}
            for failed in item.failed
        ],
        "seconds": round(item.seconds, 3),
        "local": item.built.as_json() if item.built else None,
    }
