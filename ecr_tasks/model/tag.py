"""A tag, whether it may move, and the release that it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["fixed", "moving"]
"""A fixed tag never moves once it is published; a moving one does."""


DIRTY = "-dirty"
"""What the tag of an uncommitted tree ends in."""


class Release(Protocol):
    """The release that a tag such as `latest` stands for, among all releases or those of one line."""

    @property
    def canonical(self) -> str:
        """The version as people read it."""

    @property
    def tag(self) -> str:
        """The release's own, fixed tag."""

    def higher(self, names: Iterable[str]) -> str | None:
        """Return the highest of these releases that is above this one and of its line, or None."""

    def above(self, names: Iterable[str]) -> Release | None:
        """Return the same release as a value that can be compared on."""


@dataclass(frozen=True)
class Tag:
    """One tag, the rule that gave it and why, in words.

    ``forward`` is there where the tag moves only to higher releases, and these can be told by their tags.
    """

    name: str
    kind: Kind
    rule: str
    because: str
    forward: Release | None = field(default=None, compare=False, repr=False)
