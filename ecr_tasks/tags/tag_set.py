"""The result of the tag rules: tags, labels, annotations and each rule's result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.tag import Kind, Tag

MAX_LENGTH = 128
"""Docker's limit (its grammar of references); ECR itself would take 300."""


@dataclass(frozen=True)
class RuleResult:
    """One rule's tag and kind, both None where it gives none, and why."""

    rule: str
    because: str
    tag: str | None = None
    kind: Kind | None = None


@dataclass(frozen=True)
class TagSet:
    """The tags, labels and annotations of a source by one rule set.

    ``tags`` are ordered by priority, as metadata-action lists them, with ``latest`` last; ``publishing`` is the one
    to push under first. ``version`` is the first tag's name. ``rules`` has every rule's result, in the same order,
    and ``latest``'s at the end.
    """

    version: str | None
    tags: tuple[Tag, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[RuleResult, ...] = ()
    publishing: Tag | None = None
    of_source: Mapping[str, str] = field(default_factory=dict)
    """The labels and annotations of git and CI, before settings and bake file change them."""

    @property
    def in_publishing_order(self) -> tuple[Tag, ...]:
        """Return the tags with the one to publish under first. Raises SettingsError where there is no tag."""
        self.check()
        return tuple(sorted(self.tags, key=lambda tag: tag != self.publishing))

    def check(self) -> None:
        """Raise SettingsError if there is no tag: an image can't be published without one."""
        if self.publishing is None:
            rules = (result for result in self.rules if not result.rule.startswith("flavor "))
            results = "; ".join(f"{result.rule}: {result.because}" for result in rules)
            raise SettingsError(
                f"No tag rule gives a tag here ({results or 'there are no rules'}).",
                "Add a rule that always gives one, such as type=sha, to ECR_TAGS; `inv tags --explain` shows each.",
            )


def tag_characters(text: str) -> str:
    """Return a text with ``-`` for each run of characters that a tag can't have, as metadata-action writes it."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)


def as_tag(name: str) -> str | None:
    """Return a name as a tag, or None when nothing of it is left.

    After ``tag_characters``, ``.`` and ``-`` at the beginning and all after 128 characters are removed, because
    docker takes ``[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`` (distribution/reference, grammar of references).
    """
    tag = tag_characters(name).lstrip(".-")[:MAX_LENGTH]
    return tag or None
