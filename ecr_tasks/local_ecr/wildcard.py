"""Wildcards as ECR has them: ``*`` stands for any run of characters, and the whole text must match."""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of ``text`` matches ``pattern``, in which only ``*`` is special.

    Not a regular expression: ``.`` and ``+`` are themselves. Linear in the text for each ``*``.
    """
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def matches_any(patterns: list[str], text: str) -> bool:
    """Whether ``text`` matches at least one of ``patterns``."""
    return any(matches(pattern, text) for pattern in patterns)
