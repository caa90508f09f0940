"""The names of images that people type: a tag, a digest, or a reference with repository and registry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.manifest import CACHE_TAG

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

MAX_TAGS = 99
"""With the image itself these are the hundred that one BatchGetImage reads (API model, ImageIdentifierList)."""


@dataclass(frozen=True)
class ImageName:
    """An image by its tag or digest, and by its registry and repository where they were typed."""

    reference: str
    host: str | None = None
    repository: str | None = None


def parse_image_name(text: str) -> ImageName:
    """Parse a tag, a ``sha256:`` digest, ``repository:tag``, or ``host/repository@digest`` as `push` prints it.

    Raises SettingsError.
    """
    text = text.strip()
    if _TAG.fullmatch(text) or _DIGEST.fullmatch(text):
        return ImageName(text)
    place, at, reference = text.partition("@")
    if not at:
        place, _, reference = text.rpartition(":")
    host, _, repository = place.partition("/")
    if not {".", ":"} & set(host) and host != "localhost":  # what docker takes for a registry's host
        host, repository = "", place
    if repository and (_DIGEST if at else _TAG).fullmatch(reference):
        return ImageName(reference, host or None, repository)
    raise SettingsError(
        f"{text[:200]!r} is neither a tag nor a digest.",
        "Name the image by its tag, by sha256: and 64 digits, or by host/repository@sha256:… as push prints it.",
    )


def parse_tags(texts: Sequence[str]) -> tuple[str, ...]:
    """Return each tag once. Raises SettingsError for texts that no registry takes as a tag, naming all of them."""
    wrong = [text for text in texts if not _TAG.fullmatch(text)]
    if wrong:
        raise SettingsError(
            f"{', '.join(repr(text[:200]) for text in wrong)} can't be a tag.",
            "A tag has 1 to 128 letters, digits, _ . or -, and begins with none of the last two.",
        )
    if CACHE_TAG in texts:
        cause = f"The tag {CACHE_TAG} is the build cache's own: images under it expire."
        raise SettingsError(cause, "Give the image another tag.")
    tags = tuple(dict.fromkeys(texts))
    if len(tags) > MAX_TAGS:
        cause = f"{len(tags)} tags are more than one run can set."
        raise SettingsError(cause, f"Name at most {MAX_TAGS} of them at once.")
    return tags
