"""Parsers of the settings of the repository itself: mutability, lifecycle policy, AWS tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ecr_tasks.errors import nearest
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import build_options

MAX_FILTERS = 5
"""ECR takes one to five exclusion filters (API model, ImageTagMutabilityExclusionFilters)."""

_FILTER = re.compile(r"[0-9a-zA-Z._*-]{1,128}")
_MAX_WILDCARDS = 2

# ECR's API model, TagKey and TagValue, and TagResource's documentation.
_MAX_TAGS, _MAX_KEY, _MAX_TAG_VALUE = 50, 128, 256


def mutability(text: str) -> tuple[str, ...]:
    """Parse ``rules``, or ``mutable`` or ``immutable``, each alone or with ``,exclude=PATTERN;PATTERN…``.

    Returns the word, then the patterns.
    """
    word, comma, rest = (part.strip() for part in text.partition(","))
    word = word.lower()
    if word not in ("rules", "mutable", "immutable"):
        raise Malformed(
            f"must be rules, mutable or immutable, not {word!r}: did you mean "
            f"{nearest(word, ('rules', 'mutable', 'immutable'))}?"
        )
    if not comma:
        return (word,)
    if word == "rules":
        raise Malformed("can't have more than the word rules: write mutable or immutable before exclude=")
    key, equals, filters = (part.strip() for part in rest.partition("="))
    if not equals or key.lower() != "exclude":
        raise Malformed(f"has {rest!r} after the comma: write for example {word},exclude=latest;pr-*")
    patterns = tuple(dict.fromkeys(part.strip() for part in re.split("[;,]", filters) if part.strip()))
    messages = [message for pattern in patterns if (message := _filter_error(pattern))]
    if not 1 <= len(patterns) <= MAX_FILTERS:
        messages.append(f"must have one to {MAX_FILTERS} patterns after exclude=, and has {len(patterns)}")
    if messages:
        raise Malformed(*messages)
    return (word, *patterns)


def _filter_error(pattern: str) -> str:
    """Return why ECR refuses an exclusion filter, or nothing (API model, ImageTagMutabilityExclusionFilterValue)."""
    if not _FILTER.fullmatch(pattern):
        return f"has the pattern {pattern[:40]!r}, which isn't 1 to 128 of letters, digits and . _ * -"
    if pattern.count("*") > _MAX_WILDCARDS:
        return f"has the pattern {pattern!r} with more than the {_MAX_WILDCARDS} wildcards that ECR takes"
    return ""


def lifecycle_policy(text: str) -> Literal["default", "off"] | Path:
    """Parse ``default``, ``off``, or a file's path."""
    text = text.strip()
    if text.lower() in ("off", "false"):  # false is what YAML makes of an unquoted off
        return "off"
    return "default" if text.lower() in ("default", "") else Path(text)


def resource_tags(text: str) -> Mapping[str, str]:
    """Parse ``KEY=VALUE`` entries, as AWS takes them for tags of a resource."""
    tags = {key: value.strip() for key, value in build_options.labels(text).items()}
    messages = [] if len(tags) <= _MAX_TAGS else [f"has {len(tags)} tags, and AWS takes {_MAX_TAGS}"]
    for key, value in tags.items():
        if len(key) > _MAX_KEY or len(value) > _MAX_TAG_VALUE:
            messages.append(
                f"has the tag {key[:40]!r}: a key has at most {_MAX_KEY}, a value {_MAX_TAG_VALUE} characters"
            )
        if key.lower().startswith("aws:"):
            messages.append(f"has the tag {key[:40]!r}, and what begins with aws: is AWS's own")
    if messages:
        raise Malformed(*messages)
    return MappingProxyType(tags)
