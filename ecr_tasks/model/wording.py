"""Lists of names, sizes and times in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone


def name_some(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, ``most`` of them, and the number of the others: ``a, b, c and 2 more``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def join_words(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def human_size(size: int) -> str:
    """Return a number of bytes in the decimal units that docker shows."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"


def minute(moment: datetime) -> str:
    """Return a time to the minute, in UTC."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
