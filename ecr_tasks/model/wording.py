"""Lists of names, sizes and times in a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

FEW = 5
"""Of how many images each is spoken of by itself; what more of them have in common is said once."""


def name_some(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, ``most`` of them, and the number of the others: ``a, b, c and 2 more``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def name_paths(paths: Sequence[str]) -> str:
    """Return the first paths as :func:`name_some` does; a byte that is no UTF-8 text is written like ``\\xff``."""
    return name_some([os.fsencode(path).decode("utf-8", "backslashreplace") for path in paths])


def together(lines: Iterable[str]) -> list[str]:
    """Return lines of the form ``NAME: TEXT`` as one for each text, with the first names that have it."""
    names: dict[str, list[str]] = {}
    for line in lines:
        name, _, text = line.partition(": ")
        names.setdefault(text, []).append(name)
    return [f"{name_some(about)}: {text}" for text, about in names.items()]


def join_words(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``; an empty text without one."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


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
