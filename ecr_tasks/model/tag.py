"""A tag, its kind (fixed or moving), and the release that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Literal, Protocol

from ecr_tasks.frozen import dataclass

Kind = Literal["fixed", "moving"]
"""A fixed tag never moves once it is published; a moving one may."""

Forward = Literal["commits", "branch"]
"""How a moving tag is kept from going back to an older commit: by git's history, and for a branch's tags, where git
doesn't know the commit, by the commits' times."""

MAX_LENGTH = 128
"""A tag's longest length: docker's limit (its grammar of references); ECR itself accepts 300."""

DIRTY = "-dirty"
"""The suffix of the tags of images that were built from a tree with uncommitted changes."""

TURN_TAG = "ecr-tasks-upload-"
"""The beginning of the tags that exist only until a fixed tag is set."""


PART_TAG = "ecr-tasks-part-"
"""The beginning of the tags of parts: the images of one platform each that separate runners push."""

PART_RULE, INPUTS_RULE = "part", "ECR_SKIP=content"
"""The rules of the tags of parts and of inputs, which no tag rule gives."""


class Release(Protocol):
    """The release that gets a tag such as `latest` (of all releases) or `1.2` (of one release line)."""

    @property
    def canonical(self) -> str:
        """The version for messages."""

    @property
    def tag(self) -> str:
        """The release's fixed tag."""

    def higher(self, names: Iterable[str]) -> Release | None:
        """Return the highest release among ``names`` that is higher than this one and of its line, or None."""


@dataclass(frozen=True)
class Tag:
    """One tag, the rule that gives it, and the reason as a text for people.

    ``release`` is set when the tag moves only to higher releases, which have fixed tags to compare with. ``forward``
    is set when a moving tag doesn't go back from a newer commit's image.
    """

    name: str
    kind: Kind
    rule: str
    because: str
    release: Release | None = field(default=None, compare=False, repr=False)
    forward: Forward | None = field(default=None, compare=False, repr=False)

    @property
    def names_commit(self) -> bool:
        """Whether the tag is a commit's id, so that no other commit gets it."""
        return "type=sha" in self.rule.split(",")
