"""Lines of words for a terminal's width, and an error as a block of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from ecr_tasks.terminal.text import Styled, complete

LEAST_WIDTH = 16
"""Lines and tables are not fitted to less than this: a terminal that is narrower breaks them itself."""


def wrapped(parts: Sequence[Styled], width: int) -> Iterator[tuple[Styled, ...]]:
    """Yield a text's lines. No word is broken, so that a command or an address in it can be copied.

    An indented text stays as it is: it is something to copy.
    """
    text, width = complete(tuple(parts)), max(width, LEAST_WIDTH)
    if text[:1].isspace() or _cells(text) <= width:
        yield tuple(parts)
        return
    start = end = 0
    for word in re.finditer(r"\S+", text):
        # A word that no line has room for stays where it is: the terminal breaks it, and it can be copied whole.
        if end and _cells(text[start : word.end()]) > width >= _cells(word.group()):
            yield tuple(_between(parts, start, end))
            start = word.start()
        end = word.end()
    yield tuple(_between(parts, start, end))


def hanging(parts: Sequence[Styled], width: int, indent: int) -> Iterator[tuple[Styled, ...]]:
    """Yield a text's lines, indented by so many blanks, and two more where an indented text goes on."""
    more = 2 if indent else 0
    for number, line in enumerate(wrapped(parts, width - indent - more)):
        yield (Styled(" " * (indent + (more if number else 0))), *line)


def block(lines: Sequence[tuple[Styled, ...]], width: int, encoding: str) -> Iterator[tuple[Styled, ...]]:
    """Yield wrapped lines with a bar at their left, which makes them stand out from what is printed around them."""
    bar = Styled(_bar(encoding), "bad")
    for line in lines:
        text = complete(line)
        indent = len(text) - len(text.lstrip())
        for wrapped_line in hanging(tuple(_between(line, indent, len(text))), width - len(bar.text), indent):
            yield (bar, *wrapped_line)


def _cells(text: str) -> int:
    """Return how wide a terminal shows a text: Chinese, Japanese and Korean characters are two wide."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else not unicodedata.combining(character)
        for character in text
    )


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
