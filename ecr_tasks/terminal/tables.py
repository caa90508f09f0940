"""Tables as lines of text: complete for a pipe, fitted to the width of a person's terminal. Here alone is rich."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ecr_tasks.terminal.colour import coloured
from ecr_tasks.terminal.fit import GAP, fit
from ecr_tasks.terminal.text import Column, Styled, complete, for_person, short_id

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text as RichText

Cells = Sequence[tuple[Styled, ...]]


def as_columns(columns: Sequence[Column | str]) -> tuple[Column, ...]:
    """Return the columns of a table; a text is the head of one that is never left out."""
    return tuple(column if isinstance(column, Column) else Column(column) for column in columns)


def complete_lines(columns: Sequence[Column], rows: Sequence[Cells], *, colour: bool = False) -> list[str]:
    """Return a table's lines with every value complete, for a pipe.

    Two or more blanks stand between the columns and nowhere else, and an empty value is ``-``, so that
    ``awk -F '  +'`` takes it apart.
    """
    heads: Cells = [(Styled(column.head),) for column in columns]
    cells = [[_single_blanks(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(complete(line[index])) for line in cells) for index in range(len(columns))]
    lines = []
    for line in cells:
        texts = []
        for index, (cell, width) in enumerate(zip(line, widths, strict=True)):
            blanks = " " * (width - len(complete(cell))) if index < len(columns) - 1 else ""
            text = coloured(_with_meaning(cell, columns[index])) if colour else complete(cell)
            texts.append(text + blanks)
        lines.append((" " * GAP).join(texts).rstrip())
    return lines


def fitted_lines(
    columns: Sequence[Column], rows: Sequence[Cells], width: int, *, colour: bool
) -> tuple[list[str], tuple[str, ...]]:
    """Return a table's lines for a terminal of a width, and the heads of the columns that are left out of it.

    A column that may be left out and holds nothing is not shown at all. Where even the columns without a worth don't
    fit side by side, each row is shown as a list of its values.
    """
    from rich.cells import cell_len

    columns, cells = _used(columns, rows)
    heads: Cells = [(Styled(column.head, "strong"),) for column in columns]
    texts = [[complete(row[index]) for row in cells] for index in range(len(columns))]
    wanted = [max(map(cell_len, (column.head, *own))) for column, own in zip(columns, texts, strict=True)]
    words = [max((cell_len(word) for text in own for word in text.split()), default=0) for own in texts]
    widths = fit(columns, wanted, words, width) or ({0: width} if len(columns) == 1 else None)
    if widths is None:
        return _listed(heads, cells, width, colour=colour), ()
    left_out = [index for index in range(len(columns)) if index not in widths]
    above = next((index for index in left_out if columns[index].heads), None)
    lines: list[str] = []
    for title, group in _under_titles([heads, *cells], above):
        lines += [coloured(title) if colour else complete(title)] if title else []
        lines += _rendered(_columns_table(columns, group, widths), width, colour=colour)
    return lines, tuple(columns[index].head for index in left_out if index != above)


def _used(columns: Sequence[Column], rows: Sequence[Cells]) -> tuple[list[Column], list[Cells]]:
    """Return the columns, and the rows as a terminal shows them, without what may be left out and holds nothing."""
    cells = [[_for_screen(cell, column) for cell, column in zip(row, columns, strict=True)] for row in rows]
    used = [
        index
        for index, column in enumerate(columns)
        if column.worth is None or index == 0 or not rows or any(complete(row[index]) for row in cells)
    ]
    return [columns[index] for index in used], [[row[index] for index in used] for row in cells]


def _columns_table(columns: Sequence[Column], lines: Sequence[Cells], widths: Mapping[int, int]) -> Table:
    """Return lines side by side, in the columns that have a width."""
    table = _grid()
    for index, width in widths.items():
        table.add_column(width=width, justify="right" if columns[index].right else "left", overflow="fold")
    for line in lines:
        table.add_row(*(_rich_text(line[index]) for index in widths))
    return table


def _under_titles(lines: Sequence[Cells], column: int | None) -> list[tuple[tuple[Styled, ...], list[Cells]]]:
    """Return a table's lines, the heads first, under the values of a column that it has no room for."""
    groups: list[tuple[tuple[Styled, ...], list[Cells]]] = [((), [])]
    for number, line in enumerate(lines):
        if column is not None and number and complete(line[column]):
            groups.append((tuple(line[column]), []))
        groups[-1][1].append(line)
    return groups


def _listed(heads: Cells, rows: Sequence[Cells], width: int, *, colour: bool) -> list[str]:
    from rich.cells import cell_len

    head_width = max(1, min(max(cell_len(complete(head)) for head in heads), width // 2 - GAP))
    lines: list[str] = []
    for row in rows:
        lines += [""] if lines else []
        table = _grid()
        table.add_column(width=head_width, overflow="fold")
        table.add_column(max_width=width - head_width - GAP, overflow="fold")
        for head, cell in zip(heads, row, strict=True):
            if complete(cell):
                table.add_row(_rich_text(head), _rich_text(cell))
        lines += _rendered(table, width, colour=colour)
    return lines


def _grid() -> Table:
    from rich.table import Table

    return Table(box=None, show_header=False, padding=(0, GAP, 0, 0), pad_edge=False)


def _rendered(table: Table, width: int, *, colour: bool) -> list[str]:
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=width,
        height=25,
        force_terminal=True,
        force_interactive=False,
        legacy_windows=False,
        color_system="standard" if colour else None,
        _environ={},
    )
    with console.capture() as capture:
        console.print(table, crop=False)
    return [line.rstrip() for line in capture.get().rstrip("\n").split("\n")]


def _rich_text(cell: tuple[Styled, ...]) -> RichText:
    """Return a cell for rich, which is never given a text to read its own markup, addresses or emoji from."""
    from rich.text import Text as RichText

    return RichText.from_ansi(coloured(cell))


def _for_screen(cell: tuple[Styled, ...], column: Column) -> tuple[Styled, ...]:
    shown = _with_meaning(for_person(cell), column)
    return tuple(
        part if column.cut is None else Styled(short_id(part.text, column.cut), part.meaning) for part in shown
    )


def _with_meaning(cell: tuple[Styled, ...], column: Column) -> tuple[Styled, ...]:
    return tuple(part if part.meaning else Styled(part.text, column.meaning) for part in cell)


def _single_blanks(cell: tuple[Styled, ...]) -> tuple[Styled, ...]:
    if not complete(cell).strip():
        return (Styled("-"),)
    return tuple(Styled(re.sub(r"(?<=\S) {2,}", " ", part.text), part.meaning) for part in cell)
