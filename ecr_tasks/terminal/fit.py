"""Which columns of a table fit a screen, and how wide each of them is."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.terminal.text import Column

GAP = 2
"""The blanks between two columns."""


def fit(columns: Sequence[Column], wanted: Sequence[int], words: Sequence[int], screen: int) -> dict[int, int] | None:
    """Return the widths of the columns that fit a screen, by their index; None if even those without a worth don't.

    ``wanted`` is the width of each column's longest text, ``words`` that of its longest word. Texts are wrapped
    before a column is left out, but to no less than their column's least. The room that is left goes to those that
    want it, the narrowest first, and first of all to those in which it keeps a word whole.
    """
    heads = [max(map(len, column.head.split()), default=0) for column in columns]
    least = [min(want, max(column.least, head)) for column, want, head in zip(columns, wanted, heads, strict=True)]
    shown = list(range(len(columns)))
    while _total([least[index] for index in shown]) > screen:
        droppable = [(columns[index].worth or 0, -index) for index in shown if columns[index].worth is not None]
        if not droppable or len(shown) == 1:
            return None
        shown.remove(-min(droppable)[1])
    room = screen - _total([least[index] for index in shown])
    widths = {index: least[index] for index in shown}
    for goals in (words, wanted):
        missing = {index: max(min(goals[index], wanted[index]) - widths[index], 0) for index in shown}
        short = sorted(shown, key=lambda index: missing[index])
        for position, index in enumerate(short):
            more = min(missing[index], room // (len(short) - position))
            widths[index] += more
            room -= more
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * max(len(widths) - 1, 0)
