"""Patterns of tags: literal text, ``*`` for any run of characters, ``#`` for digits, ``%`` for a commit's id.

No tag has these characters. An exclusion filter of ECR's has only ``*``, at most two of them.
"""

from __future__ import annotations

import re
from functools import cache

MAX_WILDCARDS = 2
"""How many ``*`` one filter may have (ECR's API model, ImageTagMutabilityExclusionFilterValue)."""

_LONGEST = 128
_MIN_LITERALS = 3
_CLASSES = {"#": frozenset("0123456789"), "%": frozenset("0123456789abcdef")}


def literal(text: str) -> str:
    """Return a rule's own text as it stands in a tag: what a tag can't have becomes ``-``, as in ``as_tag``."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)


def as_filter(pattern: str) -> str:
    """Return the narrowest filter that matches every tag of a pattern; ``*`` where there is no narrower one."""
    filter_ = re.sub(r"\*{2,}", "*", re.sub("[#%]", "*", pattern))
    if filter_.count("*") > MAX_WILDCARDS or len(filter_) > _LONGEST:
        first, *_, last = filter_.split("*")
        filter_ = f"{first}*{last}"
    return filter_ if 1 <= len(filter_) <= _LONGEST else "*"


def is_vague(filter_: str) -> bool:
    """Return whether a filter matches too much to lock by it: ``*``, or ``*-*``, which also matches branches."""
    return filter_.startswith("*") and len(filter_.replace("*", "")) < _MIN_LITERALS


def meet(one: str, other: str) -> bool:
    """Return whether a tag can match both patterns."""
    left, right = _tokens(one), _tokens(other)

    @cache
    def meet_from(i: int, j: int) -> bool:
        if i == len(left) or j == len(right):
            return all(repeats for _, repeats in (*left[i:], *right[j:]))
        (a, a_repeats), (b, b_repeats) = left[i], right[j]
        if (a_repeats and meet_from(i + 1, j)) or (b_repeats and meet_from(i, j + 1)):
            return True
        if (a_repeats and b_repeats) or not _common(a, b):
            return False
        return meet_from(i if a_repeats else i + 1, j if b_repeats else j + 1)

    return meet_from(0, 0)


def _tokens(pattern: str) -> list[tuple[str, bool]]:
    """Return characters and classes with whether each may repeat; a class comes at least once."""
    tokens: list[tuple[str, bool]] = []
    for character in pattern:
        tokens += [(character, False)] if character in _CLASSES else []
        tokens.append((character, character in _CLASSES or character == "*"))
    return tokens


def _common(one: str, other: str) -> bool:
    """Return whether two tokens have a character in common."""
    if "*" in (one, other):
        return True
    return bool(_CLASSES.get(one, frozenset(one)) & _CLASSES.get(other, frozenset(other)))
