"""Which stream gets colours, and how wide it is, by its terminal and the variables that people set."""

from __future__ import annotations

import io

import pytest

from ecr_tasks.terminal.colour import coloured, has_colour, is_terminal, width_of
from ecr_tasks.terminal.text import Styled


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that an earlier test ran as in a CI."""
    monkeypatch.setattr("ecr_tasks.terminal.colour._State.calm", False)


@pytest.mark.parametrize(
    ("environ", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "3"}, True, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "false"}, False, False),
        ({"FORCE_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": ""}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR": "1"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, False, False),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True, True),
    ],
)
def test_colours_go_by_the_stream_and_the_variables(environ: dict[str, str], terminal: bool, pipe: bool) -> None:
    environ = {"TERM": "xterm", **environ}
    assert has_colour(Terminal(), environ) is terminal
    assert has_colour(io.StringIO(), environ) is pipe
    assert has_colour(None, environ) is False


def test_a_dumb_or_closed_terminal_and_a_cis_are_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Terminal()
    assert is_terminal(closed, {"TERM": "xterm"})
    assert not is_terminal(closed, {"TERM": "dumb"})
    assert not is_terminal(closed, {})  # git's rule, too
    monkeypatch.setattr("ecr_tasks.terminal.colour._State.calm", True)
    assert not is_terminal(closed, {"TERM": "xterm"})
    assert not has_colour(closed, {"TERM": "xterm"})
    plain = io.StringIO()
    plain.close()
    assert not is_terminal(plain, {})


@pytest.mark.parametrize(
    ("columns", "width"), [("120", 120), ("0", 80), ("-3", 80), ("", 80), ("many", 80), ("٣", 80)]
)
def test_the_width_is_that_of_columns_if_it_is_one(columns: str, width: int) -> None:
    assert width_of(io.StringIO(), {"COLUMNS": columns}) == width


def test_only_what_has_a_meaning_has_a_colour_and_no_colour_is_one_of_256() -> None:
    assert coloured([Styled("a"), Styled("b", "good"), Styled("", "bad")]) == "a\x1b[32mb\x1b[0m"
