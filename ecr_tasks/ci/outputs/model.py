"""The values that a run gives to its CI: one record per image, and named values for outputs and variables.

The names are the same on every CI. An output of a step (GitHub, Azure) and a value in our own files is ``image``;
a variable that later steps share is ``IMAGE``:

=============  ====================  ==============================================================
``image``      ``IMAGE``             what `push` prints, ``host/repository@sha256:…``; after a `build`
                                     without push, the image's local name
``digest``     ``IMAGE_DIGEST``      ``sha256:…``; empty where a classic store makes it at the push
``repository`` ``IMAGE_REPOSITORY``  ``host/repository``, to which a tag can be added
``tags``       ``IMAGE_TAGS``        the tags' names, separated by commas
``version``    ``IMAGE_VERSION``     the image's version or, without one, a tag, such as ``1.2.3``
``receipt``    ``IMAGE_RECEIPT``     the receipt's path, from the top of the checkout
``images``     ``IMAGES``            a JSON list of all images, on one line
=============  ====================  ==============================================================

With several images, all values but ``images`` are about the first. No name begins with ``ECR_``: a later run
would take it for a setting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any

from ecr_tasks.frozen import dataclass

VARIABLES = {
    "image": "IMAGE",
    "digest": "IMAGE_DIGEST",
    "repository": "IMAGE_REPOSITORY",
    "tags": "IMAGE_TAGS",
    "version": "IMAGE_VERSION",
    "receipt": "IMAGE_RECEIPT",
    "images": "IMAGES",
}
"""The name of each value's variable."""


@dataclass(frozen=True)
class CopyOutput:
    """One image in another registry: reference and state, or the repository, ``failed`` and the cause."""

    image: str
    state: str
    cause: str | None = None


@dataclass(frozen=True)
class ImageOutput:
    """One image of a run.

    ``state`` is ``built`` after a build without push, else the receipt's (``pushed``, ``retagged``,
    ``already-published``). ``because`` is the reason for building or skipping. ``size`` is in compressed bytes, and
    ``platforms`` has those of each platform, None where unknown.
    """

    name: str
    repository: str
    digest: str | None
    tags: tuple[str, ...]
    version: str | None
    state: str
    because: str
    platforms: Mapping[str, int | None] = field(default_factory=dict)
    size: int | None = None
    seconds: float = 0.0
    copies: tuple[CopyOutput, ...] = ()

    @property
    def image(self) -> str:
        """The reference: by digest when the image is published, else by its local name."""
        if self.digest and self.state != "built":
            return f"{self.repository}@{self.digest}"
        return f"{self.repository}:{self.tags[0]}" if self.tags else self.repository

    def as_json(self) -> dict[str, Any]:
        """Return the entry in ``images``."""
        return {
            "name": self.name,
            "image": self.image,
            "digest": self.digest,
            "repository": self.repository,
            "tags": list(self.tags),
            "version": self.version,
            "platforms": list(self.platforms),
            "size": self.size,
            "state": self.state,
            "destinations": [asdict(copy) for copy in self.copies],
        }


@dataclass(frozen=True)
class Outputs:
    """All images of a run, the path of the receipt, and the source's branch, tag and commit.

    ``complete`` is False after a push that failed: then there is a summary, but no value that a later step could
    deploy by mistake. ``failed`` says why images failed, by name.
    """

    images: tuple[ImageOutput, ...]
    receipt: str
    branch: str | None = None
    tag: str | None = None
    revision: str | None = None
    dirty: bool = False
    complete: bool = True
    failed: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, str]:
        """Return the values by their lower-case names; none without an image or when the run is not complete."""
        if not self.images or not self.complete:
            return {}
        first = self.images[0]
        return {
            "image": first.image,
            "digest": first.digest or "",
            "repository": first.repository,
            "tags": ",".join(first.tags),
            "version": first.version or "",
            "receipt": self.receipt,
            "images": json.dumps([image.as_json() for image in self.images], separators=(",", ":")),
        }

    def variables(self) -> dict[str, str]:
        """Return the same values by the names of :data:`VARIABLES`."""
        return {VARIABLES[name]: text for name, text in self.values().items()}
