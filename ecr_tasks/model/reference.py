"""TODO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.manifest import CACHE_TAG

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


MOST_TAGS = 99
"""With the source these are the hundred images that one BatchGetImage reads (API model, ImageIdentifierList)."""


@dataclass(frozen=True)
class Source:
    """An image that somebody named: a tag or a digest, and the registry and repository if they were told."""

    reference: str
    host: str | None = None
    repository: str | None = None


def source(given: str) -> Source:
    """A tag, a ``sha256:`` digest, ``repository:tag``, or ``host/repository@digest`` as `push` prints it.

    Raises SettingsError.
    """
    given = given.strip()
    if _TAG.fullmatch(given) or _DIGEST.fullmatch(given):
        return Source(given)
    place, at, reference = given.partition("@")
    if not at:
        place, _, reference = given.rpartition(":")
    host, _, repository = place.partition("/")
    if not {".", ":"} & set(host) and host != "localhost":  # what docker takes for a registry's host
        host, repository = "", place
    if repository and (_DIGEST if at else _TAG).fullmatch(reference):
        return Source(reference, host or None, repository)
    raise SettingsError(
        f"{given[:200]!r} is neither a tag nor a digest.",
        "Name the image by its tag, by sha256: and 64 digits, or by host/repository@sha256:… as push prints it.",
    )


def tags(given: Sequence[str]) -> tuple[str, ...]:
    """Each tag once. Raises SettingsError for one that no registry would take, naming all of them."""
    wrong = [tag for tag in given if not _TAG.fullmatch(tag)]
    if wrong:
        raise SettingsError(
            f"{', '.join(repr(tag[:200]) for tag in wrong)} can't be a tag.",
            "A tag has 1 to 128 letters, digits, _ . or -, and begins with none of the last two.",
        )
    if CACHE_TAG in given:
        raise SettingsError(
            f"The tag {CACHE_TAG} is the build cache's own: images under it expire.", "Give the image another tag."
        )
    chosen = tuple(dict.fromkeys(given))
    if len(chosen) > MOST_TAGS:
        raise SettingsError(
            f"{len(chosen)} tags are more than one run can set.", f"Name at most {MOST_TAGS} of them at once."
        )
    return chosen
