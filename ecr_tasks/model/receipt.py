"""The receipt of a run: what it built and published, for each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, field, replace
from typing import Any, Literal

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.attestation import Attached, MadeDocument
from ecr_tasks.model.image import Keep
from ecr_tasks.model.manifest import StoredImage

FOLDER = ".ecr-tasks"
"""The project's folder for the receipt and the CI output files."""

SCHEMA = 1
"""The version of the receipt's JSON document."""

Transport = Literal["push", "copy", "replication"]
"""How an image gets into a registry: pushed by docker, copied by ecr-tasks, or replicated by ECR."""

PublishState = Literal["pushed", "retagged", "already-published"]

Outcome = Literal["published", "incomplete", "part", "built", "failed", "not-begun"]
"""What became of an image; an incomplete one lacks a destination or one of its tags there, and of one that has a part
here, other runners have not pushed theirs yet."""


@dataclass(frozen=True)
class Built:
    """One built image, with its names in the store and in the registry.

    ``digest`` is None with a classic store, which makes the manifest only when it pushes, and for attestations that
    are made only by the push. ``image_id`` is None when the result is kept in the builder; then ``manifests`` are the
    digests of the platforms' images, and ``builder`` is the builder's name. ``key`` is a hash of definition and
    source; it is None when the source is not under version control. ``seconds`` is the duration of the build.
    """

    name: str
    key: str | None
    digest: str | None
    image_id: str | None
    platforms: tuple[str, ...]
    keep: Keep
    seconds: float
    reference: str | None = None
    """The name in the registry that the build set; None when the image is not tagged yet."""
    manifests: Mapping[str, str] = field(default_factory=dict)
    builder: str | None = None
    loaded: tuple[str, str] | None = None
    """The platform whose image the builder also loaded into the store, and its id there; only this run knows it."""
    record: str | None = None
    """The builder's record of the build, which still has its manifest."""
    records: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The builder's records of the platforms' builds; only this run knows them."""
    joined: StoredImage | None = field(default=None, repr=False, compare=False)
    """The index of the parts that several runners have pushed, to be tagged in the registry that has them."""
    provenance: tuple[MadeDocument, ...] = field(default=(), repr=False)
    """What the builder told of the build and may be attached to the image, by platform."""

    @property
    def id(self) -> str:
        """The digest or id by which messages name the image."""
        return self.digest or self.image_id or ", ".join(self.manifests.values())

    @property
    def local_id(self) -> str | None:
        """The id in the local store: the image's, or that of the platform which the builder loaded there."""
        return self.image_id or (self.loaded[1] if self.loaded else None)

    def is_stored_as(self, image: StoredImage) -> bool:
        """Return whether an image in a registry is this one.

        What a builder keeps is compared by the manifests of all platforms, and what a classic store keeps by the
        configuration's digest: these are what stays the same.
        """
        if self.digest is not None:
            return image.digest == self.digest
        if self.manifests:
            return sorted(digest for _, digest in image.children) == sorted(self.manifests.values())
        return image.config_digest == self.image_id

    def as_json(self) -> dict[str, Any]:
        """Return what the next run needs to push exactly this image. The key is a hash and reveals no values."""
        document = {name: getattr(self, name) for name in ("key", "digest", "image_id", "keep", "builder", "record")}
        provenance = [
            {"platform": item.platform, "type": item.predicate_type, "predicate": dict(item.predicate)}
            for item in self.provenance
        ]
        return {
            **document,
            "platforms": list(self.platforms),
            "manifests": dict(self.manifests),
            "provenance": provenance,
        }


@dataclass(frozen=True)
class Published:
    """An image in one registry, and what this run did to publish it there.

    ``registry`` is the host. ``transport`` is None when the registry had the image before the run. ``stays`` says of
    each planned tag that was left on another image why it was. ``attached`` are the image's SBOMs and provenance that
    ECR_ATTEST=referrers asks for.
    """

    name: str
    registry: str
    repository: str
    digest: str
    tags: tuple[str, ...]
    state: PublishState
    image: StoredImage
    transport: Transport | None = None
    stays: Mapping[str, str] = field(default_factory=dict)
    attached: tuple[Attached, ...] = ()

    @property
    def reference(self) -> str:
        """``host/repository@sha256:…``"""
        return f"{self.registry}/{self.repository}@{self.digest}"

    def as_json(self) -> dict[str, Any]:
        """Return the entry for ``published`` in the image's JSON object."""
        return {
            "registry": self.registry,
            "repository": self.repository,
            "tags": list(self.tags),
            "reference": self.reference,
            "media_type": self.image.media_type,
            "state": self.state,
            "by": self.transport,
            "stays": dict(self.stays),
            "attached": [item.as_json() for item in self.attached],
            "signing": None,  # `sign` writes it there
        }


@dataclass(frozen=True)
class FailedCopy:
    """A destination that lacks the image, or one of its tags. ``address`` is that of the repository."""

    address: str
    error: EcrTasksError


@dataclass(frozen=True)
class Part:
    """The image of one platform that this run pushed, or found, for the runners of the others.

    ``missing`` are the platforms that the registry has no part of yet: whichever runner finds none missing publishes
    the whole image.
    """

    platform: str
    tag: str
    reference: str
    digest: str
    state: PublishState
    missing: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the entry for ``part`` in the image's JSON object."""
        return {**asdict(self), "missing": list(self.missing)}


@dataclass(frozen=True)
class ImageReceipt:
    """What a run did with one image.

    ``tags`` are the planned tags, the most important first. ``published`` has the image in its own repository
    first, then at the destinations; with a ``part``, it is empty until all platforms are there. ``size`` and
    ``sizes`` (by platform) are compressed bytes.
    """

    name: str
    repository: str
    tags: tuple[str, ...]
    because: str
    version: str | None = None
    dirty: bool = False
    built: Built | None = None
    published: tuple[Published, ...] = ()
    failed: tuple[FailedCopy, ...] = ()
    platforms: tuple[str, ...] = ()
    size: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    error: EcrTasksError | None = None
    """Why the image is not built, or not published as planned."""
    part: Part | None = None

    @property
    def outcome(self) -> Outcome:
        """What became of the image in this run."""
        if self.error is not None:
            return "failed"
        if self.published:
            return "incomplete" if self.failed else "published"
        if self.part is not None:
            return "part"
        return "built" if self.built is not None else "not-begun"

    @property
    def digest(self) -> str | None:
        """The digest of the published image, else of the built one."""
        image = self.published[0] if self.published else self.built
        return image.digest if image else None


@dataclass(frozen=True)
class Source:
    """The source of the images, as the receipt records it; ``dirty`` is whether one of them has changes."""

    revision: str | None
    dirty: bool
    branch: str | None
    tag: str | None
    pull_request: str | None
    ci: str | None


@dataclass(frozen=True)
class Receipt:
    """What a run built and published. ``complete`` is False when a part of the plan was not carried out."""

    source: Source
    images: tuple[ImageReceipt, ...] = ()
    complete: bool = True

    def image(self, name: str) -> ImageReceipt:
        """Return the receipt of the image of that name."""
        return next(image for image in self.images if image.name == name)

    @property
    def references(self) -> tuple[str, ...]:
        """``host/repository@sha256:…`` of every published image in every registry."""
        return tuple(published.reference for image in self.images for published in image.published)

    @property
    def failed(self) -> Mapping[str, EcrTasksError]:
        """The errors of the destinations that lack an image or a tag, by address."""
        return {failed.address: failed.error for image in self.images for failed in image.failed}

    def with_image(self, image: ImageReceipt) -> Receipt:
        """Return a receipt that includes this image, and replaces an earlier entry of the same name."""
        images = {entry.name: entry for entry in self.images} | {image.name: image}
        return replace(self, images=tuple(images.values()))

    def as_json(self, in_words: Callable[[str], str] = str) -> dict[str, Any]:
        """Return the document of ``.ecr-tasks/receipt.json``; ``in_words`` rewrites what an error says."""
        return {"schema": SCHEMA, "images": [_image_json(image, self.source, in_words) for image in self.images]}


def _image_json(image: ImageReceipt, source: Source, in_words: Callable[[str], str]) -> dict[str, Any]:
    return {
        "name": image.name,
        "digest": image.digest,
        "platforms": list(image.platforms or (image.built.platforms if image.built else ())),
        "size": image.size,
        "source": asdict(replace(source, dirty=image.dirty)),
        "published": [published.as_json() for published in image.published],
        "failed": [
            {
                "destination": failed.address,
                "cause": in_words(failed.error.cause),
                "remedy": in_words(failed.error.remedy),
            }
            for failed in image.failed
        ],
        "outcome": image.outcome,
        "error": {
            "cause": in_words(image.error.cause),
            "remedy": in_words(image.error.remedy),
            "exit_code": int(image.error.code),
        }
        if image.error
        else None,
        "seconds": round(image.seconds, 3),
        "local": image.built.as_json() if image.built else None,
        "part": image.part.as_json() if image.part else None,
    }
