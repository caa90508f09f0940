"""What the benchmark makes of its measurements: waves, ratios, goals, the page and the plot."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoke.exceptions import Exit

from bench.measure import Comparison, Measured, Side, measure, rotated, write_shim
from bench.registry import Traffic, traffic, waves
from bench.report import page, plot
from bench.results import Result, is_first, read, verdict, write
from bench.rows.row import Goal, Row
from bench.run import ROWS, chosen

STARTS = {"docker": 1, "buildx": 1, "git": 0}
FAST, SLOW, FAILED = (
    Measured(
        "inv build push",
        [0.2, 0.1, 0.3],
        [0.1, 0.1, 0.2],
        70,
        {"docker": 2, "buildx": 1, "git": 3},
        Traffic(4, 20, 7),
    ),
    Measured(
        "bake --push", [0.4, 0.9, 0.4], [0.3, 0.2, 0.2], 50, {"docker": 1, "buildx": 1, "git": 0}, Traffic(1, 30, 9)
    ),
    Measured("crane copy", [], [], 10, failures=["no such job"]),
)


def never(scene: object) -> Comparison:
    """Nothing is run here."""
    raise AssertionError(scene)


ROW = Row(
    "some", "Some & images", never, (Goal("bake --push", 0.4), Goal(waves=6), Goal(megabytes=100, delayed=False))
)


def result(*sides: Measured, delay: int = 80) -> Result:
    """Return a result of the row."""
    return Result("some", delay, "2026-11-27", "2 cores", 3, 0.5, sides)


def log_line(end: str, milliseconds: float, operation: str | None = None) -> str:
    """Return a line of the local ECR's access log."""
    return json.dumps({"time": f"2026-11-27T07:00:{end}Z", "milliseconds": milliseconds, "operation": operation})


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=12))
def test_waves_are_the_longest_chain_of_waiting(spans: list[tuple[int, int]]) -> None:
    """By brute force: the longest chain in which each interval begins when the one before it has ended."""
    intervals = sorted((start, start + length) for start, length in spans)
    best: list[int] = []
    for index, (start, _) in enumerate(intervals):
        best.append(1 + max((best[i] for i in range(index) if intervals[i][1] <= start), default=0))
    assert waves(intervals) == max(best, default=0)


def test_traffic_tells_calls_from_requests_and_sequence_from_simultaneity() -> None:
    """Two at a time, then one: two waves. By rounding, the last seems to be sent before the first was answered."""
    lines = [
        log_line("01.081", 80.4, "BatchGetImage"),
        log_line("01.082", 80.2),
        log_line("01.161", 80.9, "PutImage"),
    ]
    assert traffic(lines) == Traffic(calls=2, requests=1, waves=2)


def test_a_goal_is_met_or_not_by_the_medians() -> None:
    both = result(FAST, SLOW)
    assert both.ratio(SLOW) == 0.5
    assert [verdict(goal, both)[1] for goal in ROW.goals] == [False, False, None]
    assert verdict(Goal("bake --push", 0.5), both)[1]
    assert verdict(Goal(waves=7), both)[1]
    more = SLOW.median - FAST.median if SLOW.median and FAST.median else 0.0
    slow_first = result(SLOW, FAST)
    assert verdict(Goal(FAST.name, seconds=more + 0.01), slow_first) == (
        f"≤ {more + 0.01:g} s more than {FAST.name}",
        True,
    )
    assert verdict(Goal(FAST.name, seconds=more - 0.01), slow_first)[1] is False
    assert verdict(Goal(waves=7), result(FAST, SLOW, delay=0)) == ("", None), "they can't be told without a delay"
    assert verdict(ROW.goals[2], result(FAST, SLOW, delay=0)) == ("≤ 100 MB", True)
    assert verdict(Goal("crane copy", 1.0), result(FAST, FAILED))[1] is None


def test_we_are_not_first_where_another_is_faster_or_we_failed() -> None:
    assert is_first(result(FAST, SLOW))
    assert is_first(result(FAST, FAILED))
    assert not is_first(result(SLOW, FAST))
    assert not is_first(result(FAILED, SLOW))


def test_the_page_has_each_side_with_its_goals_and_says_where_we_are_behind(tmp_path: Path) -> None:
    """From a file that was written and read again, as `inv bench` does it."""
    kept = {("some", 80): result(FAST, SLOW, FAILED), ("some", 0): result(SLOW, FAST, delay=0)}
    write(kept, tmp_path / "results.json")
    kept = read(tmp_path / "results.json")
    text = page([ROW], kept)
    assert "| bake --push | 0.400 s | 0.400 to 0.900 | 0.50 | 0.200 s | 1, 1, 0 | 1 | 30 | 9 | 50 MB |" in text
    assert "| crane copy | failed 1 times |" in text
    assert "- ≤ 0.4 of bake --push: **not met**" in text
    assert text.endswith("## Where we are not first\n\n- Some & images, no delay: 2.00 of inv build push.\n")
    assert read(tmp_path / "none.json") == {}


def test_the_plot_is_svg_with_a_bar_for_each_ratio() -> None:
    svg = plot([ROW], {("some", 80): result(FAST, SLOW, FAILED)})
    texts = [text for element in ElementTree.fromstring(svg).iter() if (text := element.text)]  # noqa: S314 - ours
    assert {"Some & images", "0.50", "no run that didn't fail"} <= set(texts)


def test_rows_are_chosen_by_name_and_an_unknown_one_is_refused() -> None:
    assert [row.name for row in chosen(["20-*", "list"])] == ["list", "20-changed", "20-one-changed", "20-unchanged"]
    assert chosen([]) == list(ROWS)
    with pytest.raises(Exit) as refused:
        chosen(["list", "lists"])
    assert refused.value.code == 2
    assert "No row is named lists. There are: list, " in str(refused.value)
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_every_side_is_the_first_one_in_turn() -> None:
    assert [rotated(3, by) for by in range(4)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_sides_run_in_turn_and_a_failure_is_kept_and_not_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that runs tests is never idle, and each side would wait its ten seconds.
    monkeypatch.setattr("bench.measure.wait_until_idle", lambda: said.append("idle"))
    environ = {"PATH": "/usr/bin:/bin"}
    sides = [
        Side("one", "echo one >>order", tmp_path, environ),
        Side("two", "echo two >>order; [ $(wc -l <order) -gt 4 ] && { echo why >&2; exit 3; }; :", tmp_path, environ),
    ]
    said: list[str] = []
    one, two = measure(Comparison(sides, lambda: said.append("before")), 2, None, tmp_path, said.append)
    assert (tmp_path / "order").read_text().split() == ["one", "two", "two", "one", "one", "two"]
    assert said.count("before") == 3
    assert said.count("idle") == 6, "each side begins on an idle machine"
    assert (len(one.seconds), len(two.seconds), two.failures) == (2, 1, ["why\n"]), "the first round doesn't count"
    assert one.megabytes > 0


def test_a_program_is_counted_and_does_its_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """buildx' answer to docker about its version is no start of its own."""
    monkeypatch.setattr("bench.measure.wait_until_idle", lambda: None)
    write_shim(tmp_path / "docker", "buildx", "/bin/echo", tmp_path)
    for word in ("build", "docker-cli-plugin-metadata"):
        side = Side("docker", f"docker {word} >said", tmp_path, {"PATH": f"{tmp_path}:/usr/bin:/bin"})
        measure(Comparison([side]), 1, None, tmp_path, print)
        assert (tmp_path / "said").read_text() == f"{word}\n"
    assert (tmp_path / "started").read_text() == "buildx\n"
