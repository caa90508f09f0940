"""How often a push, pull or copy is begun again: for a minute, and anew after an attempt that got far."""

from __future__ import annotations

import pytest

from ecr_tasks.clients.docker import retry
from ecr_tasks.clients.docker.process import ProcessResult
from tests.support.network import Clock


@pytest.mark.parametrize(("seconds", "attempts"), [(5, 9), (50, 3), (1800, 9)])
def test_a_long_push_outlasts_connections_that_end_minutes_apart(
    monkeypatch: pytest.MonkeyPatch, seconds: float, attempts: int
) -> None:
    """What takes half an hour each time may lose its connection as often as what fails at once."""
    clock, begun = Clock(), list[float]()
    monkeypatch.setattr("time.monotonic", clock.read)

    def push() -> ProcessResult:
        begun.append(clock.now)
        clock.pause(seconds)
        return ProcessResult(1, ("EOF",))

    assert retry.retry_transient(push, lambda lines: "the connection was lost", clock.retrier()).code == 1
    assert len(begun) == attempts
