"""Lists of names in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def name_some(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, ``most`` of them, and the number of the others: ``a, b, c and 2 more``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def join_words(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
