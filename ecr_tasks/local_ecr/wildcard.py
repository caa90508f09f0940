"""Wildcards as in ECR: ``*`` matches any number of any characters, and the whole text must match."""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole of ``text`` matches ``pattern``, in which only ``*`` is special.

    ``.`` and ``+`` match only themselves. The time is linear in the length of the text for each ``*``.
    """
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    start, end = len(first), len(text) - len(last)
    for piece in middle:
        position = text.find(piece, start, end)
        if position < 0:
            return False
        start = position + len(piece)
    return True
