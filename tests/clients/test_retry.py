"""Retries: how long they last, what they report, and that an interruption ends their waits."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.docker.retry import TRANSFER
from ecr_tasks.clients.ecr.retry import API
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Backoff, Retrier, max_attempts
from ecr_tasks.errors import ExitCode, Interrupted, SettingsError
from tests.support.network import Clock

MINUTE = 60


def exhaust(retrier: Retrier, backoff: Backoff) -> int:
    """Let every attempt fail and return their number."""
    attempt = 1
    while retrier.wait(backoff, attempt, "ECR has trouble"):
        attempt += 1
    return attempt


@pytest.mark.parametrize("backoff", [API, TRANSFER])
def test_an_outage_of_a_minute_is_outlasted_and_none_of_two_waited_for(backoff: Backoff) -> None:
    clock = Clock()
    assert exhaust(clock.retrier(), backoff) == backoff.attempts
    assert MINUTE < sum(clock.waits) < 2 * MINUTE


@pytest.mark.parametrize("backoff", [API, TRANSFER])
@given(jitter=st.floats(0, 1), attempt=st.integers(1, 40))
def test_waits_grow_to_a_limit_and_are_spread_over_half_of_it(backoff: Backoff, jitter: float, attempt: int) -> None:
    seconds = backoff.seconds(attempt, jitter)
    assert backoff.first_wait / 2 <= seconds <= backoff.longest_wait
    assert seconds <= 2 * backoff.seconds(attempt, 0)
    assert backoff.seconds(attempt + 1, jitter) >= seconds


def test_each_noticeable_wait_is_told_with_its_reason_and_number() -> None:
    clock = Clock()
    exhaust(clock.retrier(attempts=4), TRANSFER)
    assert clock.lines == [
        "ECR has trouble; trying again in 0.8 s (2 of 4)",
        "ECR has trouble; trying again in 1.5 s (3 of 4)",
        "ECR has trouble; trying again in 3.0 s (4 of 4)",
    ]


def test_a_blip_is_not_worth_a_line() -> None:
    clock = Clock()
    assert clock.retrier().wait(API, 1, "ECR has trouble")
    assert clock.lines == []


def test_threads_that_wait_together_say_so_once() -> None:
    lines: list[str] = []
    retrier = Retrier(lines.append, sleep=lambda seconds: False, jitter=lambda: 0.5, clock=lambda: 0.0)
    for _ in range(8):
        assert retrier.wait(API, 4, "ECR has trouble")
        assert retrier.wait(API, 4, "the connection was lost")
    assert len(lines) == 2


def test_the_users_own_number_of_attempts_counts() -> None:
    assert exhaust(Clock().retrier(attempts=1), API) == 1
    assert exhaust(Clock().retrier(attempts=30), TRANSFER) == 30


@pytest.mark.parametrize(("text", "number"), [("3", 3), (" 12 ", 12), ("", None)])
def test_the_users_number_is_the_sdks_variable(text: str, number: int | None) -> None:
    assert max_attempts({"AWS_MAX_ATTEMPTS": text}) == number
    assert max_attempts({}) is None


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "٣"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="AWS_MAX_ATTEMPTS"):
        max_attempts({"AWS_MAX_ATTEMPTS": text})


def test_an_interruption_ends_the_waits_of_other_threads() -> None:
    retrier = Retrier(jitter=lambda: 1.0)
    waiting = threading.Barrier(3)
    ended: list[int] = []

    def work(number: int) -> None:
        waiting.wait()
        if number == 0:
            raise KeyboardInterrupt
        try:
            retrier.wait(API, 9, "ECR has trouble")
        except Interrupted:
            ended.append(number)
            raise

    with pytest.raises(KeyboardInterrupt):
        map_parallel(work, [0, 1, 2], 3, retrier)
    assert sorted(ended) == [1, 2]
    with pytest.raises(Interrupted) as caught:
        retrier.pause(20)
    assert caught.value.code == ExitCode.INTERRUPTED


def test_after_an_error_nothing_more_is_begun() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.2 if number else 0)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        map_parallel(work, range(100), 2, Retrier())
    assert len(begun) < 10


@given(items=st.lists(st.integers(), max_size=12))
def test_results_come_in_the_items_order(items: list[int]) -> None:
    assert map_parallel(lambda item: item + 1, items, 3, Retrier()) == [item + 1 for item in items]
