"""How often a push, pull or copy is begun again: for a minute, and anew after an attempt that got far."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecr_tasks.clients.docker import retry
from ecr_tasks.clients.docker.process import ProcessResult
from ecr_tasks.clients.docker.transient import transfer_reason
from ecr_tasks.clients.retry import RESTART, Retrier
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


@pytest.mark.parametrize("says_so", [True, False])
def test_a_push_goes_on_as_long_as_each_attempt_brings_another_layer(
    monkeypatch: pytest.MonkeyPatch, says_so: bool
) -> None:
    """Of thirty layers each attempt brings one, and at last none; docker may end before it says which."""
    clock, begun = Clock(), list[float]()
    monkeypatch.setattr("time.monotonic", clock.read)

    def push() -> ProcessResult:
        begun.append(clock.now)
        clock.pause(50)
        layers = [f"{number:012x}" for number in range(min(len(begun), 30))]
        there = [f"{layer}: Layer already exists" for layer in layers[:-1]]
        return ProcessResult(1, (*there, f"{layers[-1]}: {'Pushed' if says_so else 'Waiting'} ", "EOF"))

    assert retry.retry_transient(push, lambda lines: "the connection was lost", clock.retrier()).code == 1
    assert len(begun) >= 31


@pytest.fixture
def pushes() -> Callable[[Retrier], int]:
    """Return what pushes to a port of this machine at which docker meets nobody, and counts the attempts."""

    def attempts(retrier: Retrier) -> int:
        begun = []

        def push() -> ProcessResult:
            begun.append(1)
            return ProcessResult(1, ("dial tcp 127.0.0.1:5000: connect: connection refused",))

        assert retry.retry_transient(push, transfer_reason, retrier).code == 1
        return len(begun)

    return attempts


def test_a_registry_on_this_machine_is_given_up_by_all_transfers_together(
    pushes: Callable[[Retrier], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "is_served", lambda host, port: False)
    retrier = Clock().retrier()
    assert (pushes(retrier), pushes(retrier)) == (RESTART.attempts, 1)


def test_a_registry_that_only_the_engine_does_not_reach_is_not_waited_for(
    pushes: Callable[[Retrier], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "is_served", lambda host, port: True)
    assert pushes(Clock().retrier()) == 2  # it may have come back at the moment of the first
