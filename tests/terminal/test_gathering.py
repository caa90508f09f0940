"""Tests of terminal/gathering: the lines of several threads don't mix, whatever prints them."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from ecr_tasks.clients.docker.process import run, show_held
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.console import in_one_piece, pieces_held_back, say, working


def test_each_threads_lines_come_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    turns = threading.Barrier(3)

    def work(name: str) -> None:
        with in_one_piece(programs=False), working("unseen"):
            for number in range(3):
                say(f"{name} {number}")
                turns.wait(10)

    map_parallel(work, ["a", "b", "c"], 3, Retrier())
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines) == [f"{name} {number}" for name in "abc" for number in range(3)]
    assert [line[0] for line in lines] == [name for line in lines[::3] for name in line[0] * 3]


def test_the_threads_of_a_thread_belong_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    with in_one_piece(programs=False):
        map_parallel(say, ["a", "b"], 2, Retrier())
        assert capsys.readouterr().err == ""
    assert sorted(capsys.readouterr().err.split()) == ["a", "b"]


def test_pieces_wait_for_the_end_of_what_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    def work(name: str) -> None:
        with in_one_piece(programs=False):
            say(name)

    with pieces_held_back():
        map_parallel(work, ["a", "b"], 2, Retrier())
        say("drawn")
        assert capsys.readouterr().err == "drawn\n"
    assert sorted(capsys.readouterr().err.split()) == ["a", "b"]
    map_parallel(work, ["c", "d"], 2, Retrier())
    assert sorted(capsys.readouterr().err.split()) == ["c", "d"]


@pytest.mark.parametrize("programs", [True, False])
def test_a_programs_output_is_part_of_it_where_it_is_wanted(
    programs: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "import sys; print('layer'); print('ERROR: refused'); sys.exit(3)"
    with in_one_piece(programs=programs):
        result = run([sys.executable, "-c", script], env=dict(os.environ))
        assert capfd.readouterr().err == ""
        show_held(result)
    assert result.lines == ("layer", "ERROR: refused")
    assert capfd.readouterr().err == ("layer\n" if programs else "") + "ERROR: refused\n"


def test_an_error_does_not_swallow_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with in_one_piece(programs=False):
            say("before")
            raise ValueError("it fails")

    with pytest.raises(ValueError, match="it fails"):
        work()
    assert capsys.readouterr().err == "before\n"
