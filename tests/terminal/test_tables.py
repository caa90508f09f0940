"""Tables never exceed the terminal's width, leave out the columns worth least, and are complete in a pipe."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ecr_tasks.one_line import one_line
from ecr_tasks.terminal.fit import GAP, fit
from ecr_tasks.terminal.tables import complete_lines, fitted_lines
from ecr_tasks.terminal.text import Column, Styled

TEXT = st.text(max_size=60).map(one_line)
WORD = st.text("abcdefghij0123456789[]:/.", min_size=1, max_size=30)
SGR = re.compile(r"\x1b\[[0-9;]*m")


@st.composite
def columns_of(draw: st.DrawFn) -> tuple[Column, ...]:
    """Return some columns, each with another head."""
    number = draw(st.integers(1, 6))
    return tuple(
        Column(
            f"head{index}",
            draw(st.none() | st.integers(0, 9)),
            cut=draw(st.sampled_from([None, 12])),
            least=draw(st.integers(1, 30)),
            right=draw(st.booleans()),
        )
        for index in range(number)
    )


@st.composite
def tables(draw: st.DrawFn, cell: st.SearchStrategy[str] = TEXT) -> tuple[tuple[Column, ...], list[list[str]]]:
    """Return columns and rows of cells."""
    columns = draw(columns_of())
    rows = draw(st.lists(st.lists(cell, min_size=len(columns), max_size=len(columns)), min_size=1, max_size=4))
    return columns, rows


SIX = st.lists(st.integers(0, 200), min_size=6, max_size=6)


@given(columns_of(), SIX, SIX, st.integers(1, 200))
def test_the_columns_that_are_shown_fit_and_are_worth_more_than_the_others(
    columns: tuple[Column, ...], wanted: list[int], words: list[int], screen: int
) -> None:
    number = len(columns)
    widths = fit(columns, wanted[:number], words[:number], screen)
    if widths is None:
        return
    assert sum(widths.values()) + GAP * (len(widths) - 1) <= screen
    assert all(widths[index] <= max(wanted[index], 0) for index in widths)
    left_out = [column.worth for index, column in enumerate(columns) if index not in widths]
    assert None not in left_out
    shown = [columns[index].worth for index in widths if columns[index].worth is not None]
    assert max((worth for worth in left_out if worth is not None), default=-1) <= min(
        (worth for worth in shown if worth is not None), default=9
    )


@given(tables(), st.integers(8, 200), st.booleans())
def test_no_line_is_wider_than_the_terminal(
    table: tuple[tuple[Column, ...], list[list[str]]], width: int, colour: bool
) -> None:
    columns, rows = table
    lines, _ = fitted_lines(
        columns, [[(Styled(cell, "good"),) for cell in row] for row in rows], width, colour=colour
    )
    for line in lines:
        assert cell_len(SGR.sub("", line)) <= width
        assert colour or "\x1b" not in line


@given(st.text("abc :[]/", min_size=1, max_size=200), st.integers(8, 100))
def test_a_text_that_is_wrapped_loses_nothing_but_blanks(text: str, width: int) -> None:
    lines, _ = fitted_lines((Column("head"),), [[(Styled(text),)]], width, colour=False)
    assert "".join("".join(lines).split()) == "head" + "".join(text.split())


@given(tables(WORD))
def test_a_pipe_gets_every_value_in_columns_that_can_be_taken_apart(
    table: tuple[tuple[Column, ...], list[list[str]]],
) -> None:
    columns, rows = table
    head, *lines = complete_lines(columns, [[(Styled(cell, "bad"),) for cell in row] for row in rows])
    assert re.split(r" {2,}", head) == [column.head for column in columns]
    assert [re.split(r" {2,}", line) for line in lines] == rows


def test_empty_values_and_runs_of_blanks_do_not_shift_the_columns_of_a_pipe() -> None:
    rows = [[(Styled(""),), (Styled("a   b"),), (Styled("c"),)]]
    assert complete_lines((Column("x"), Column("y"), Column("z")), rows) == ["x  y    z", "-  a b  c"]


def test_where_no_column_can_be_left_out_each_row_is_a_list() -> None:
    columns = (Column("name"), Column("value"))
    rows = [[(Styled("a" * 20),), (Styled("b" * 30),)], [(Styled("c"),), (Styled("d"),)]]
    lines, left_out = fitted_lines(columns, rows, 30, colour=False)
    assert left_out == ()
    assert lines == ["name   " + "a" * 20, "value  " + "b" * 23, "       " + "b" * 7, "", "name   c", "value  d"]


def test_ids_are_cut_and_the_rest_is_what_a_person_reads() -> None:
    digest = f"sha256:{'0123456789ab' * 5}cdef"
    columns = (Column("digest", cut=12), Column("pushed"))
    rows = [[(Styled(digest),), (Styled("2026-01-02T03:04:05+00:00", short="an hour ago"),)]]
    assert fitted_lines(columns, rows, 80, colour=False)[0][1] == "0123456789ab  an hour ago"
    assert complete_lines(columns, rows)[1] == f"{digest}  2026-01-02T03:04:05+00:00"


def test_a_text_is_neither_markup_nor_a_link_nor_an_emoji() -> None:
    texts = "[red]x[/red] [link=http://a]y[/link] :smile: http://a/b 1234"
    lines, _ = fitted_lines((Column("x"),), [[(Styled(texts),)]], 200, colour=True)
    assert lines[1] == texts


def test_wide_characters_count_twice_on_a_terminal() -> None:
    rows = [[(Styled("日本語"),), (Styled("x"),)], [(Styled("ab"),), (Styled("y"),)]]
    lines, _ = fitted_lines((Column("a"), Column("b")), rows, 40, colour=False)
    assert lines[1:] == ["日本語  x", "ab      y"]


def test_room_keeps_words_whole_before_it_keeps_lines_whole() -> None:
    columns = (Column("value", least=10), Column("from", least=10))
    rows = [[(Styled("/etc/ssl/certs/ca.crt"),), (Styled("environment variable"),)]]
    lines, _ = fitted_lines(columns, rows, 35, colour=False)
    assert lines[1:] == ["/etc/ssl/certs/ca.crt  environment", "                       variable"]


def test_a_column_in_which_nothing_stands_takes_no_room_of_a_terminal() -> None:
    columns = (Column("tag"), Column("scan", 1), Column("note"))
    rows = [[(Styled("a"),), (Styled(""),), (Styled(""),)]]
    lines, left_out = fitted_lines(columns, rows, 80, colour=False)
    assert (lines, left_out) == (["tag  note", "a"], ())
    assert complete_lines(columns, rows)[0].split() == ["tag", "scan", "note"]


def test_what_heads_its_rows_stands_above_them_where_its_column_has_no_room() -> None:
    columns = (Column("section", 1, heads=True), Column("text", least=20))
    rows = [[(Styled(head),), (Styled(text * 20),)] for head, text in (("Docker", "a"), ("", "b"), ("AWS", "c"))]
    lines, left_out = fitted_lines(columns, rows, 24, colour=False)
    assert (lines, left_out) == (["text", "Docker", "a" * 20, "b" * 20, "AWS", "c" * 20], ())
