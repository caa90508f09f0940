"""Ten PutImage in any second and no more, whatever the network does; and no wait that isn't needed."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.ecr.rate_limit import LIMIT, RateLimit, RateLimits
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from tests.support.network import OK, THROTTLED, Clock, Network

WHERE = "account 111122223333, eu-central-1"


class Caller(Clock):
    """One thread's calls, on a clock that moves when it waits or a call is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = RateLimit(WHERE, self.lines.append, clock=self.read, pause=self.pause)

    @property
    def waited(self) -> float:
        return sum(self.waits)

    def call(self, takes: float, puts: int = 1) -> tuple[float, float]:
        """One call; when it was sent and when it was answered."""
        with self.limit.reserve(puts):
            sent = self.now
            self.now += takes
        return sent, self.now


def most_in_a_second(times: Sequence[float]) -> int:
    """The largest number within any second, its end left out."""
    return max((sum(start <= one < start + 1 for one in times) for start in times), default=0)


durations = st.sampled_from([0.0, 0.001, 0.04, 0.3, 0.9999, 1.0, 1.7, 30.0])


@given(calls=st.lists(st.tuples(durations, st.floats(0, 1), st.sampled_from([0.0, 0.05, 1.2])), max_size=60))
def test_no_second_at_the_registry_sees_more_than_ten(calls: list[tuple[float, float, float]]) -> None:
    """A call arrives at any time between its sending and its answer."""
    caller = Caller()
    arrived = []
    for takes, when, idle in calls:
        sent, answered = caller.call(takes)
        arrived.append(sent + when * (answered - sent))
        caller.now += idle
    assert most_in_a_second(arrived) <= LIMIT


@given(calls=st.lists(st.tuples(durations, st.integers(1, 10)), max_size=30))
def test_pushes_of_several_manifests_count_as_so_many(calls: list[tuple[float, int]]) -> None:
    caller = Caller()
    arrived = list(itertools.chain.from_iterable([caller.call(takes, puts)[1]] * puts for takes, puts in calls))
    assert most_in_a_second(arrived) <= LIMIT


@given(calls=st.lists(durations, max_size=60))
def test_a_call_waits_only_when_ten_were_answered_within_the_last_second(calls: list[float]) -> None:
    caller = Caller()
    answered: list[float] = []
    for takes in calls:
        before, earliest = caller.now, answered[-LIMIT] + 1 if len(answered) >= LIMIT else caller.now
        sent, end = caller.call(takes)
        assert sent == pytest.approx(max(before, earliest))
        answered.append(end)


def test_the_usual_run_does_not_wait() -> None:
    caller = Caller()
    caller.call(0.5, puts=5)  # two platforms with attestations
    for _ in range(5):
        caller.call(0.03)
    assert caller.waited == 0
    assert caller.lines == []


def test_an_index_of_more_than_ten_goes_alone() -> None:
    caller = Caller()
    caller.call(0.1)
    caller.call(2.0, puts=13)
    assert caller.waited == pytest.approx(1.0)
    caller.call(0.1)
    assert caller.waited == pytest.approx(2.0)


def test_a_person_is_told_now_and_then_and_why() -> None:
    caller = Caller()
    for _ in range(200):
        caller.call(0.01)
    assert 15 < caller.waited < 20
    assert len(caller.lines) == 4
    assert caller.lines[0] == f"waiting, 1.8 s by now: ECR takes ten PutImage a second ({WHERE})"


def test_a_short_wait_is_not_told() -> None:
    caller = Caller()
    for _ in range(11):
        caller.call(0.01)
    assert 0 < caller.waited < 1
    assert caller.lines == []


def test_threads_share_a_limit() -> None:
    """Real threads and a real clock, with calls that arrive at any time while they are under way."""
    limit = RateLimit(WHERE)
    arrived: list[float] = []

    def work(number: int) -> None:
        for turn in range(3):
            with limit.reserve(1):
                time.sleep(0.01 * ((number + turn) % 5))
                arrived.append(time.monotonic())
                time.sleep(0.01 * (number % 3))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(arrived) == 27
    assert most_in_a_second(sorted(arrived)) <= LIMIT
    assert max(arrived) - min(arrived) < 20  # 26 where each one waits for a second of its own


def test_every_registry_has_its_own() -> None:
    limits = RateLimits(lambda text: None, time.sleep)
    one = limits.of("111122223333", "eu-central-1")
    assert limits.of("111122223333", "eu-central-1") is one
    assert limits.of("111122223333", "us-east-1") is not one
    assert limits.of("222233334444", "eu-central-1") is not one


def test_an_attempt_that_is_repeated_counts_again() -> None:
    """ECR throttles every other PutImage: what it sees stays under the limit, and all of it gets through."""
    clock = Clock()
    network = Network(itertools.cycle([THROTTLED, OK]), clock)
    client = network.client(clock.retrier(jitter=lambda: 0.0))
    RateLimits(clock.lines.append, clock.pause, clock.read).limit(client)
    for number in range(30):
        client.put_image(
            registryId="111122223333", repositoryName="team/app", imageManifest="{}", imageTag=f"t{number}"
        )
    assert len(network.times) == 60
    assert most_in_a_second(network.times) <= LIMIT


def test_other_calls_cost_nothing() -> None:
    clock = Clock()
    network = Network([OK], clock)
    client = network.client()
    RateLimits(clock.lines.append, clock.pause, clock.read).limit(client)
    for _ in range(30):
        client.describe_repositories()
    assert clock.waits == []


def test_a_raised_quota_is_used_up() -> None:
    clock = Clock()
    limit = RateLimits(clock.lines.append, clock.pause, clock.read, quota=50).of("111122223333", "eu-central-1")
    for _ in range(50):
        limit.begin()
        limit.end()
    assert clock.waits == []
    limit.begin()
    assert clock.waits == [pytest.approx(1)]
    assert clock.lines == [f"waiting, 1.0 s by now: ECR takes 50 PutImage a second ({WHERE})"]


@pytest.mark.parametrize(
    ("endpoint", "quota", "waits"),
    [
        ("http://127.0.0.1:4510", None, False),
        ("http://localhost:4510", None, False),
        ("http://127.0.0.1:4510", 10, True),
        ("https://api.ecr.eu-central-1.amazonaws.com", None, True),
    ],
)
def test_a_local_ecr_has_no_limit_unless_it_is_set(endpoint: str, quota: int | None, waits: bool) -> None:
    clock = Clock()
    limits = RateLimits(clock.lines.append, clock.pause, clock.read, quota=quota)
    for _ in range(11):
        with limits.reserve("111122223333", "eu-central-1", endpoint, 1):
            pass
    assert bool(clock.waits) is waits


@pytest.mark.parametrize("puts", [5, 13])
def test_pushes_of_several_images_do_not_wait_for_each_others_own_calls(puts: int) -> None:
    """Each has reserved docker's calls, and sets its tag by one of ours before the reservation ends."""
    polls = itertools.count()

    def pause(seconds: float) -> None:
        if next(polls) > 200:
            raise TimeoutError
        clock.now += seconds

    clock = Clock()
    limit = RateLimit(WHERE, clock=clock.read, pause=pause)
    both = threading.Barrier(2 if puts < LIMIT else 1)

    def push(_: int) -> None:
        with limit.reserve(puts):
            both.wait(60)
            limit.begin()
            limit.end()

    map_parallel(push, range(both.parties), 2, None)
    clock.now += 1.0
    limit.begin(LIMIT)
    limit.end(LIMIT)


def test_calls_that_were_waited_for_beforehand_do_not_wait() -> None:
    caller = Caller()
    caller.call(0.1, puts=LIMIT)
    with caller.limit.permit(3):
        assert caller.waited == pytest.approx(1.0)
        map_parallel(lambda _: caller.limit.begin(), range(3), 3, None)
        caller.limit.end(3)
        assert caller.waited == pytest.approx(1.0)
        caller.call(0.0, puts=LIMIT)  # these three count like others, and a fourth call is one of the others
        assert caller.waited == pytest.approx(2.0)


def test_a_permission_that_was_not_used_counts_no_more() -> None:
    caller = Caller()
    with caller.limit.permit(LIMIT):
        caller.call(0.0)
    caller.call(0.0, puts=LIMIT - 1)
    assert caller.waited == 0


def test_threads_that_wait_side_by_side_keep_the_run_waiting_once() -> None:
    clock, lines = Clock(), list[str]()
    together = threading.Barrier(4, action=lambda: clock.pause(1.0))

    def pause(seconds: float) -> None:
        together.wait(20)

    limit = RateLimit(WHERE, lines.append, clock=clock.read, pause=pause)
    limit.begin(LIMIT)
    limit.end(LIMIT)
    map_parallel(lambda _: limit.begin(), range(4), 4, Retrier())
    assert lines == [f"waiting, 1.0 s by now: ECR takes ten PutImage a second ({WHERE})"]
