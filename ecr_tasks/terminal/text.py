"""Texts that say what they mean, and the columns of a table. Colour and width are decided where they are printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

Meaning = Literal["good", "warning", "bad", "add", "remove", "id", "strong", "dim"]
"""What a text means to the reader: never a colour, and never decided by what the text contains."""


class Styled(NamedTuple):
    """A text with a meaning; ``short`` is what a person sees in its place, such as an age for a time."""

    text: str
    meaning: Meaning | None = None
    short: str | None = None


Text: TypeAlias = str | Styled | tuple[str | Styled, ...]
"""What is printed: a plain text, one with a meaning, or a row of such parts."""


class Column(NamedTuple):
    """A column of a table.

    On a terminal that is too narrow for all columns, those of the lowest ``worth`` are left out first (the right one
    of two equal ones); one without a worth is never left out. ``cut`` is how many characters of an id are shown
    there, after the name of its digest's algorithm. ``least`` is the width to which long texts are wrapped rather
    than leave a column out. A pipe gets every column, complete. ``meaning`` is that of cells that have none. With
    ``heads``, the values of a column that is left out stand above their rows.
    """

    head: str
    worth: int | None = None
    meaning: Meaning | None = None
    cut: int | None = None
    least: int = 16
    right: bool = False
    heads: bool = False


def parts(text: Text) -> tuple[Styled, ...]:
    """Return the parts of a text, each with its meaning."""
    pieces = (text,) if isinstance(text, str | Styled) else text  # a Styled is a tuple, too
    return tuple(piece if isinstance(piece, Styled) else Styled(piece) for piece in pieces)


def complete(text: Text) -> str:
    """Return the whole text, without meanings."""
    return "".join(part.text for part in parts(text))


def for_person(text: Text) -> tuple[Styled, ...]:
    """Return the parts of a text as a person reads them: the short form where there is one."""
    return tuple(part if part.short is None else Styled(part.short, part.meaning) for part in parts(text))


def cleaned(text: Text, clean: Callable[[str], str]) -> tuple[Styled, ...]:
    """Return the parts of a text with a function applied to all that may be printed."""
    return tuple(
        part._replace(text=clean(part.text), short=None if part.short is None else clean(part.short))
        for part in parts(text)
    )


def short_id(text: str, length: int) -> str:
    """Return the beginning of an id, without the name of a digest's algorithm."""
    return text.removeprefix("sha256:")[:length]
