"""The result of the tag rules: tags, labels, annotations and each rule's result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from ecr_tasks.errors import SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.reference import reserved_for
from ecr_tasks.model.tag import MAX_LENGTH, Kind, Tag


@dataclass(frozen=True)
class RuleResult:
    """One rule's tag and kind, and the reason; tag and kind are None if the rule gives no tag."""

    rule: str
    because: str
    tag: str | None = None
    kind: Kind | None = None


@dataclass(frozen=True)
class TagSet:
    """The tags, labels and annotations that one set of rules gives to a source.

    ``tags`` are ordered by priority, as metadata-action lists them, with ``latest`` last; ``publishing`` is the tag
    that is pushed first. ``version`` is the first tag's name. ``rules`` has every rule's result, in the same order,
    and at the end the result of ``latest``.
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
        """Return the tags, beginning with the one that is pushed first. Raises SettingsError if there is no tag."""
        self.check()
        return tuple(sorted(self.tags, key=lambda tag: tag != self.publishing))

    def check(self) -> None:
        """Raise SettingsError if there is no tag, without which no image is published, or one that is no image's."""
        if self.publishing is None:
            rules = (result for result in self.rules if not result.rule.startswith("flavor "))
            results = "; ".join(f"{result.rule}: {result.because}" for result in rules)
            raise SettingsError(
                f"No tag rule gives a tag here ({results or 'there are no rules'}).",
                "Add a rule that always gives one, such as type=sha, to ECR_TAGS; `inv tags --explain` shows each.",
            )
        for tag in self.tags:
            if (purpose := reserved_for(tag.name)) is not None:
                raise SettingsError(
                    f"The rule {tag.rule} gives the tag {tag.name}, which is for {purpose}.",
                    "Name the branch otherwise, or give the rule another value or a prefix (ECR_TAGS).",
                )


def tag_characters(text: str) -> str:
    """Replace each sequence of characters that a tag can't have with one ``-``, as metadata-action does."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)


def as_tag(name: str) -> str | None:
    """Return a name as a valid tag, or None if no valid character is left.

    After ``tag_characters``, ``.`` and ``-`` at the beginning and all after 128 characters are removed, because
    docker accepts ``[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`` (distribution/reference, grammar of references).
    """
    tag = tag_characters(name).lstrip(".-")[:MAX_LENGTH]
    return tag or None
