"""What the tag rules give: tags, each rule's result, and all of it together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.tag import Kind, Tag

MAX_LENGTH = 128
"""Docker's limit, the narrower one: ECR would take 300 (tags.md)."""


@dataclass(frozen=True)
class RuleResult:
    """What became of one rule: its tag and kind, both None where it gave none, and why."""

    rule: str
    tag: str | None
    kind: Kind | None
    because: str


@dataclass(frozen=True)
class TagSet:
    """What a rule set makes of a source.

    ``tags`` come by priority, as metadata-action lists them, ``latest`` last; ``publishing`` is the one of them
    to push under first. ``version`` is the first tag's name. ``rules`` has every rule's result, in the same order,
    and ``latest``'s at the end.
    """

    version: str | None
    tags: tuple[Tag, ...]
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rules: tuple[RuleResult, ...] = ()
    publishing: Tag | None = None
    of_source: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What git and CI say for labels and annotations, which settings and bake file may have changed."""

    @property
    def in_publishing_order(self) -> tuple[Tag, ...]:
        """The tags with the one to publish under first; SettingsError where there is none."""
        self.check()
        return tuple(sorted(self.tags, key=lambda tag: tag != self.publishing))

    def check(self) -> None:
        """Raises SettingsError if there is no tag: an image can't be published without one."""
        if self.publishing is None:
            rules = (result for result in self.rules if not result.rule.startswith("flavor "))
            results = "; ".join(f"{result.rule}: {result.because}" for result in rules)
            raise SettingsError(
                f"No tag rule gives a tag here ({results or 'there are no rules'}).",
                "Add a rule that always gives one, such as type=sha, to ECR_TAGS; `inv tags --explain` shows each.",
            )


def as_tag(name: str) -> str | None:
    """A name as a tag: each run of characters that a tag can't hold becomes ``-``; None when nothing is left.

    As metadata-action does it; beyond that, ``.`` and ``-`` at the beginning go and 128 characters stay, because
    docker refuses the rest: its grammar is ``[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`` (tags.md).
    """
    tag = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).lstrip(".-")[:MAX_LENGTH]
    return tag or None
