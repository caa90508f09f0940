"""What the settings of the repository itself must look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from ecr_tasks.errors import nearest
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import build_options as buildx

MAX_FILTERS = 5
"""ECR takes one to five exclusion filters (API model, ImageTagMutabilityExclusionFilters)."""

_FILTER = re.compile(r"[0-9a-zA-Z._*-]{1,128}")
_MAX_WILDCARDS = 2

# ECR's API model, TagKey and TagValue, and TagResource's documentation.
_MAX_TAGS, _MAX_KEY, _MAX_TAG_VALUE = 50, 128, 256


def mutability(given: str) -> tuple[str, ...]:
    """``rules``, or ``mutable`` or ``immutable``, each alone or with ``,exclude=PATTERN;PATTERN…``.

    Gives the word, then the patterns.
    """
    word, comma, rest = (part.strip() for part in given.partition(","))
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
    key, equals, listed = (part.strip() for part in rest.partition("="))
    if not equals or key.lower() != "exclude":
        raise Malformed(f"has {rest!r} after the comma: write for example {word},exclude=latest;pr-*")
    patterns = tuple(dict.fromkeys(part.strip() for part in re.split("[;,]", listed) if part.strip()))
    wrong = [problem for pattern in patterns if (problem := _wrong_filter(pattern))]
    if not 1 <= len(patterns) <= MAX_FILTERS:
        wrong.append(f"must have one to {MAX_FILTERS} patterns after exclude=, and has {len(patterns)}")
    if wrong:
        raise Malformed(*wrong)
    return (word, *patterns)


def _wrong_filter(pattern: str) -> str:
    """What ECR would object to in an exclusion filter (API model, ImageTagMutabilityExclusionFilterValue)."""
    if not _FILTER.fullmatch(pattern):
        return f"has the pattern {pattern[:40]!r}, which isn't 1 to 128 of letters, digits and . _ * -"
    if pattern.count("*") > _MAX_WILDCARDS:
        return f"has the pattern {pattern!r} with more than the {_MAX_WILDCARDS} wildcards that ECR takes"
    return ""


def lifecycle_policy(given: str) -> str:
    """``default``, ``off``, or a file's name."""
    given = given.strip()
    if given == "false":  # what YAML makes of an unquoted off
        return "off"
    return given.lower() if given.lower() in ("default", "off") else given


def resource_tags(given: str) -> Mapping[str, str]:
    """``KEY=VALUE`` entries, as AWS takes them for tags of a resource."""
    found = {key: value.strip() for key, value in buildx.labels(given).items()}
    wrong = [] if len(found) <= _MAX_TAGS else [f"has {len(found)} tags, and AWS takes {_MAX_TAGS}"]
    for key, value in found.items():
        if len(key) > _MAX_KEY or len(value) > _MAX_TAG_VALUE:
            wrong.append(
                f"has the tag {key[:40]!r}: a key has at most {_MAX_KEY}, a value {_MAX_TAG_VALUE} characters"
            )
        if key.lower().startswith("aws:"):
            wrong.append(f"has the tag {key[:40]!r}, and what begins with aws: is AWS's own")
    if wrong:
        raise Malformed(*wrong)
    return MappingProxyType(found)
