"""Parse the names of images that users type: a tag, a digest, or a reference with repository and registry."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecr_tasks.errors import SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.ecr_host import host_of
from ecr_tasks.model.manifest import CACHE_TAG

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

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
    if _TAG.fullmatch(text) or _DIGEST.fullmatch(text):
        return ImageName(text)
    text = re.sub("^(https?|docker)://", "", text)
    name, at, reference = text.partition("@")
    if not at:
        name, _, reference = text.rpartition(":")
    host = host_of(name)
    repository = name.removeprefix(f"{host}/") if host else name
    if repository and (_DIGEST if at else _TAG).fullmatch(reference):
        return ImageName(reference, host, repository)
    raise SettingsError(
        f"{text[:200]!r} is neither a tag nor a digest.",
        "Name the image by its tag, by sha256: and 64 digits, or by host/repository@sha256:… as push prints it.",
    )


def parse_tags(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the tags without duplicates. Raises SettingsError when one is invalid, or when there are too many."""
    invalid = [text for text in texts if not _TAG.fullmatch(text)]
    if invalid:
        raise SettingsError(
            f"{', '.join(repr(text[:200]) for text in invalid)} can't be a tag.",
            "A tag has 1 to 128 letters, digits, _ . or -, and begins with none of the last two.",
        )
    if reserved := next((text for text in texts if text.startswith(CACHE_TAG)), None):
        cause = f"The tag {reserved} is for a build cache: what has a tag that begins with {CACHE_TAG} expires."
        raise SettingsError(cause, "Give the image another tag.")
    tags = tuple(dict.fromkeys(texts))
    if len(tags) > MAX_TAGS:
        cause = f"{len(tags)} tags are more than one run can set."
        raise SettingsError(cause, f"Name at most {MAX_TAGS} of them at once.")
    return tags
