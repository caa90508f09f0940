"""Lines of words for a terminal's width, and an error as a block of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ecr_tasks.terminal.text import Styled, complete

_LEAST = 20
"""Lines are not wrapped to less than this: a terminal that is narrower breaks them itself."""


def wrapped(parts: Sequence[Styled], width: int) -> Iterator[tuple[Styled, ...]]:
    """Yield a text's lines. No word is broken, so that a command or an address in it can be copied.

    An indented text stays as it is: it is something to copy.
    """
    text, position = complete(tuple(parts)), 0
    if text[:1].isspace() or len(text) <= width:
        yield tuple(parts)
        return
    for line in textwrap.wrap(text, max(width, _LEAST), break_long_words=False, break_on_hyphens=False):
        start = text.index(line, position)
        position = start + len(line)
        yield tuple(_between(parts, start, position))


def block(lines: Sequence[tuple[Styled, ...]], width: int, encoding: str) -> Iterator[tuple[Styled, ...]]:
    """Yield wrapped lines with a bar at their left, which makes them stand out from what is printed around them."""
    bar = Styled(_bar(encoding), "bad")
    for line in lines:
        for wrapped_line in wrapped(line, width - len(bar.text)):
            yield (bar, *wrapped_line)


def _between(parts: Sequence[Styled], start: int, end: int) -> Iterator[Styled]:
    position = 0
    for part in parts:
        text = part.text[max(start - position, 0) : max(end - position, 0)]
        position += len(part.text)
        if text:
            yield Styled(text, part.meaning)


def _bar(encoding: str) -> str:
    try:
        "▌".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "| "
    return "▌ "
