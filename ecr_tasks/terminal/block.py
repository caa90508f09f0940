"""An error as a block that stands out from what other programs have printed before it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ecr_tasks.terminal.text import Styled, Text

_LEAST = 20
"""Lines are not wrapped to less than this: a terminal that is narrower breaks them itself."""


def block(causes: Sequence[str], remedy: str, width: int, encoding: str) -> list[Text]:
    """Return the lines of a block with a bar at its left: the causes, then the remedy, wrapped between words."""
    bar = Styled(_bar(encoding), "bad")
    title, rest = "ecr-tasks:", causes[1:]
    first = _wrapped(f"{title} {causes[0]}", width)
    head = next(first).removeprefix(title)
    lines: list[Text] = [(bar, Styled(title, "bad"), head)]
    lines += [(bar, line) for line in first]
    lines += [(bar, line) for cause in rest for line in _wrapped(cause, width)]
    return [*lines, *((bar, Styled(line, "strong")) for line in _wrapped(remedy, width))]


def _bar(encoding: str) -> str:
    try:
        "▌".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "| "
    return "▌ "


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text; no word is broken, so that a command or an address in it can be copied."""
    indent = text[: len(text) - len(text.lstrip())]
    yield from textwrap.wrap(
        text,
        max(width - 2, _LEAST),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
