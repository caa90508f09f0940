"""Shapes of tags: literal text, ``*`` for any run of characters, ``#`` for digits, ``%`` for a commit's id; and
whether two can be one tag.

Tags have none of these in them. What ECR takes as an exclusion filter has only ``*``, at most two.
"""

from __future__ import annotations

import re
from functools import cache

MAX_WILDCARDS = 2
"""``*`` in one filter (ECR's API model, ImageTagMutabilityExclusionFilterValue)."""

_LONGEST = 128
_TELLING = 3
_CLASSES = {"#": frozenset("0123456789"), "%": frozenset("0123456789abcdef")}


def literal(text: str) -> str:
    """A rule's own text as it stands in a tag: what a tag can't hold becomes ``-`` (as ``as_tag`` does it)."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)


def as_filter(shape: str) -> str:
    """The narrowest filter that matches every tag of a shape; ``*`` where there is none that says anything."""
    found = re.sub(r"\*{2,}", "*", re.sub("[#%]", "*", shape))
    if found.count("*") > MAX_WILDCARDS or len(found) > _LONGEST:
        first, *_, last = found.split("*")
        found = f"{first}*{last}"
    return found if 1 <= len(found) <= _LONGEST else "*"


def is_vague(found: str) -> bool:
    """Whether a filter says too little to lock by: ``*``, or ``*-*``, which is also every other branch's tag."""
    return found.startswith("*") and len(found.replace("*", "")) < _TELLING


def meet(one: str, other: str) -> bool:
    """Whether there is a tag that both shapes match."""
    left, right = _tokens(one), _tokens(other)

    @cache
    def from_(i: int, j: int) -> bool:
        if i == len(left) or j == len(right):
            return all(repeats for _, repeats in (*left[i:], *right[j:]))
        (a, a_repeats), (b, b_repeats) = left[i], right[j]
        if (a_repeats and from_(i + 1, j)) or (b_repeats and from_(i, j + 1)):
            return True
        if (a_repeats and b_repeats) or not _common(a, b):
            return False
        return from_(i if a_repeats else i + 1, j if b_repeats else j + 1)

    return from_(0, 0)


def _tokens(shape: str) -> list[tuple[str, bool]]:
    """Characters and classes, each with whether it may come any number of times; a class comes once at least."""
    found: list[tuple[str, bool]] = []
    for character in shape:
        found += [(character, False), (character, True)] if character in _CLASSES else [(character, character == "*")]
    return found


def _common(one: str, other: str) -> bool:
    """Whether two tokens have a character in common."""
    if "*" in (one, other):
        return True
    return bool(_CLASSES.get(one, frozenset(one)) & _CLASSES.get(other, frozenset(other)))
