"""Parse the names of images that users type: a tag, a digest, or a reference with repository and registry."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecr_tasks.errors import SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.ecr_host import host_of
from ecr_tasks.model.manifest import CACHE_TAG
from ecr_tasks.model.tag import PART_TAG, TURN_TAG

_RESERVED = {
    CACHE_TAG: f"a build cache: what has a tag that begins with {CACHE_TAG} expires",
    TURN_TAG: f"a push under way: tags that begin with {TURN_TAG} are taken away again",
    PART_TAG: f"one platform of an image: what has a tag that begins with {PART_TAG} expires, and is not shown",
}
"""What the tags with these beginnings are for."""

_TAG = r"(?a)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"

MAX_TAGS = 99
"""One BatchGetImage reads 100 images (API model, ImageIdentifierList), and one of them is the image itself."""


@dataclass(frozen=True)
class ImageName:
    """The name of an image. ``reference`` is its tag or digest; ``host`` and ``repository`` are None if not typed."""

    reference: str
    host: str | None = None
    repository: str | None = None


def parse_image_name(text: str) -> ImageName:
    """Parse a tag, a ``sha256:`` digest, ``repository:tag``, or ``host/repository@digest`` as `push` prints it.

    ``https://`` before it doesn't count. Raises SettingsError for any other text.
    """
    text = text.strip()
    if re.fullmatch(_TAG, text) or re.fullmatch(_DIGEST, text):
        return ImageName(text)
    text = re.sub("^(https?|docker)://", "", text)
    name, at, reference = text.partition("@")
    if not at:
        name, _, reference = text.rpartition(":")
    host = host_of(name)
    repository = name.removeprefix(f"{host}/") if host else name
    if repository and re.fullmatch(_DIGEST if at else _TAG, reference):
        return ImageName(reference, host, repository)
    raise SettingsError(
        f"{text[:200]!r} is neither a tag nor a digest.",
        "Name the image by its tag, by sha256: and 64 digits, or by host/repository@sha256:… as push prints it.",
    )


def reserved_for(tag: str) -> str | None:
    """Return what a tag is for that no image may be given, with the reason; None for every other tag."""
    return next((purpose for beginning, purpose in _RESERVED.items() if tag.startswith(beginning)), None)


def parse_tags(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the tags without duplicates. Raises SettingsError when one is invalid, or when there are too many."""
    invalid = [text for text in texts if not re.fullmatch(_TAG, text)]
    if invalid:
        raise SettingsError(
            f"{', '.join(repr(text[:200]) for text in invalid)} can't be a tag.",
            "A tag has 1 to 128 letters, digits, _ . or -, and begins with none of the last two.",
        )
    for text in texts:
        if (purpose := reserved_for(text)) is not None:
            raise SettingsError(f"The tag {text} is for {purpose}.", "Give the image another tag.")
    tags = tuple(dict.fromkeys(texts))
    if len(tags) > MAX_TAGS:
        cause = f"{len(tags)} tags are more than one run can set."
        raise SettingsError(cause, f"Name at most {MAX_TAGS} of them at once.")
    return tags
