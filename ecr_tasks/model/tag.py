"""A tag, whether it may move, and the release that it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["fixed", "moving"]
"""A fixed tag never moves once it is published; a moving one does."""

DIRTY = "-dirty"
"""The end of the tags of an uncommitted tree."""


class Release(Protocol):
    """The release that a tag such as `latest` or `1.2` stands for, among all releases or those of one line."""

    @property
    def canonical(self) -> str:
        """The version as people read it."""

    @property
    def tag(self) -> str:
        """The release's own, fixed tag."""

    def higher(self, names: Iterable[str]) -> Release | None:
        """Return the highest of these releases that is higher than this one and of its line, or None."""


@dataclass(frozen=True)
class Tag:
    """One tag, the rule that it comes from and why, in words.

    ``release`` is set where the tag moves to higher releases only, and these have tags of their own to compare with.
    """

    name: str
    kind: Kind
    rule: str
    because: str
    release: Release | None = field(default=None, compare=False, repr=False)
