"""Patterns of tags: literal text, ``*`` for any characters, ``#`` for digits, ``%`` for the digits of a commit's id.

No tag contains these characters. ECR's exclusion filters know only ``*``, and at most two of them.
"""

from __future__ import annotations

import re
from functools import cache

MAX_WILDCARDS = 2
"""The number of ``*`` that one filter may have (ECR's API model, ImageTagMutabilityExclusionFilterValue)."""

_MAX_LENGTH = 128
_MIN_LITERALS = 3
_CLASSES = {"#": frozenset("0123456789"), "%": frozenset("0123456789abcdef")}


def as_filter(pattern: str) -> str:
    """Return the narrowest filter that matches every tag of a pattern; ``*`` where there is no narrower one."""
    tag_filter = re.sub(r"\*{2,}", "*", re.sub("[#%]", "*", pattern))
    if tag_filter.count("*") > MAX_WILDCARDS or len(tag_filter) > _MAX_LENGTH:
        first, *_, last = tag_filter.split("*")
        tag_filter = f"{first}*{last}"
    return tag_filter if 1 <= len(tag_filter) <= _MAX_LENGTH else "*"


def is_too_broad(tag_filter: str) -> bool:
    """Return whether a filter matches too many tags to lock them: ``*``, or ``*-*``, which also matches branches."""
    return tag_filter.startswith("*") and len(tag_filter.replace("*", "")) < _MIN_LITERALS


def overlap(first: str, second: str) -> bool:
    """Return whether a tag can match both patterns."""
    left, right = _tokens(first), _tokens(second)

    @cache
    def overlap_from(i: int, j: int) -> bool:
        if i == len(left) or j == len(right):
            return all(repeats for _, repeats in (*left[i:], *right[j:]))
        (a, a_repeats), (b, b_repeats) = left[i], right[j]
        if (a_repeats and overlap_from(i + 1, j)) or (b_repeats and overlap_from(i, j + 1)):
            return True
        if (a_repeats and b_repeats) or not _share_character(a, b):
            return False
        return overlap_from(i if a_repeats else i + 1, j if b_repeats else j + 1)

    return overlap_from(0, 0)


def _tokens(pattern: str) -> list[tuple[str, bool]]:
    """Return the characters and classes of a pattern, each with whether it may occur any number of times.

    A class that must occur at least once becomes two tokens.
    """
    tokens: list[tuple[str, bool]] = []
    for character in pattern:
        tokens += [(character, False)] if character in _CLASSES else []
        tokens.append((character, character in _CLASSES or character == "*"))
    return tokens


def _share_character(first: str, second: str) -> bool:
    """Return whether two tokens have a character in common."""
    if "*" in (first, second):
        return True
    return bool(_CLASSES.get(first, frozenset(first)) & _CLASSES.get(second, frozenset(second)))
