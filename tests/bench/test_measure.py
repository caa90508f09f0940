"""Tests of the benchmark's measuring: each side begins on an idle machine."""

from __future__ import annotations

import time

import pytest

from bench import measure


@pytest.mark.parametrize(
    ("busy", "waits"), [([0, 0.01], 1), ([0, 0.5, 0.9, 0.91], 3), ([number * 0.5 for number in range(99)], 40)]
)
def test_a_side_waits_until_the_engine_has_tidied_up(
    monkeypatch: pytest.MonkeyPatch, busy: list[float], waits: int
) -> None:
    clock, answers = [0.0], iter(busy)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    monkeypatch.setattr(measure, "busy_seconds", lambda: next(answers))
    measure.wait_until_idle()
    assert clock[0] / measure.IDLE_SECONDS == waits


def test_the_processors_work_is_counted_in_seconds() -> None:
    before = measure.busy_seconds()
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    assert measure.busy_seconds() - before > 0.1
