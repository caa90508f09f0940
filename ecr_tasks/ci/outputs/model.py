"""What a run hands to its CI: one record an image, and the named values that outputs and variables get. Pure.

The names are the same everywhere, in two spellings. Where a value belongs to one step (GitHub, Azure) and in
files of our own it is ``image``; where it is a variable that later steps share, ``IMAGE``:

=============  ====================  ==============================================================
``image``      ``IMAGE``             what `push` prints, ``host/repository@sha256:…``; after `build`
                                     alone, the image's local name
``digest``     ``IMAGE_DIGEST``      ``sha256:…``; empty where a classic store has yet to make it
``repository`` ``IMAGE_REPOSITORY``  ``host/repository``, to which a tag can be added
``tags``       ``IMAGE_TAGS``        the tags' names, separated by commas
``version``    ``IMAGE_VERSION``     the most telling of the tags, such as ``1.2.3``
``receipt``    ``IMAGE_RECEIPT``     the receipt's path, from the top of the checkout
``images``     ``IMAGES``            a JSON list of all images, on one line
=============  ====================  ==============================================================

With several images, all but ``images`` speak of the first. No name begins with ``ECR_``: a later run would
take it for a setting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VARIABLES = {
    "image": "IMAGE",
    "digest": "IMAGE_DIGEST",
    "repository": "IMAGE_REPOSITORY",
    "tags": "IMAGE_TAGS",
    "version": "IMAGE_VERSION",
    "receipt": "IMAGE_RECEIPT",
    "images": "IMAGES",
}
"""Each value's name, and its name where it is a variable that others share."""


@dataclass(frozen=True)
class CopyOutput:
    """One image in one more registry: its reference and state there, or the place and ``failed`` with its cause."""

    image: str
    state: str
    cause: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The entry in an image's ``destinations``."""
        return {"image": self.image, "state": self.state, "cause": self.cause}


@dataclass(frozen=True)
class ImageOutput:
    """One image as a CI hears of it.

    ``state`` is ``built`` after a build alone, else the receipt's (``pushed``, ``retagged``,
    ``already-published``); ``platforms`` has each platform's compressed bytes, None where unknown.
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
        """How to refer to it: by digest once it is published, else by its local name."""
        if self.digest and self.state != "built":
            return f"{self.repository}@{self.digest}"
        return f"{self.repository}:{self.tags[0]}" if self.tags else self.repository

    def as_json(self) -> dict[str, Any]:
        """The entry in ``images``."""
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
            "destinations": [copy.as_json() for copy in self.copies],
        }


@dataclass(frozen=True)
class Outputs:
    """All images of a run, where the receipt is, and the source as people know it.

    ``complete`` is False after a push that failed: then there is a summary to show, and no value that a later
    step could deploy by mistake.
    """

    images: tuple[ImageOutput, ...]
    receipt: str
    branch: str | None = None
    tag: str | None = None
    revision: str | None = None
    dirty: bool = False
    complete: bool = True

    def values(self) -> dict[str, str]:
        """The values by their lower-case names; empty without an image, or when not all was done."""
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
        """The same under the names of :data:`VARIABLES`."""
        return {VARIABLES[name]: text for name, text in self.values().items()}
