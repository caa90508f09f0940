"""What an interrupted run waits for: threads that tidy up, and no answer that takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from ecr_tasks.clients import threads
from ecr_tasks.clients.parallel import begin, map_parallel
from ecr_tasks.clients.threads import awaiting_answer
from ecr_tasks.errors import Interrupted


class Silent:
    """A registry that answers when the test says so, and what the thread that asked it does then."""

    def __init__(self) -> None:
        self.asked, self.answers, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.went_on = False

    def ask(self) -> None:
        try:
            with awaiting_answer():
                self.asked.set()
                self.answers.wait(60)
            self.went_on = True
        finally:
            self.ended.set()


def interrupted_beside(ask: Callable[[], object], asked: threading.Event) -> None:
    """Map a call, and one that is interrupted when something is asked."""

    def interrupt() -> None:
        assert asked.wait(60)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_parallel(lambda call: call(), [interrupt, ask], 2, None)


@pytest.mark.parametrize("way", ["itself", "in a thread", "in a map", "beside a thread with nothing to do"])
def test_an_answer_that_takes_long_is_not_waited_for_and_nothing_follows_it(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(threads, "TIDY_SECONDS", 90.0)
    silent = Silent()
    ways: dict[str, Callable[[], object]] = {
        "itself": silent.ask,
        "in a thread": lambda: begin(silent.ask)(),
        "in a map": lambda: map_parallel(lambda _: silent.ask(), [1, 2], 2, None),
        "beside a thread with nothing to do": lambda: map_parallel(
            lambda asks: silent.ask() if asks else None, [True, False], 2, None
        ),
    }
    interrupted_beside(ways[way], silent.asked)
    assert not silent.ended.is_set()
    silent.answers.set()
    assert silent.ended.wait(60)
    assert not silent.went_on


def test_a_thread_that_gets_its_answer_ends_there_and_tidies_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "ANSWER_SECONDS", 60.0)
    silent, steps, asking = Silent(), list[str](), set[threading.Thread]()

    def ask() -> None:
        asking.add(threading.current_thread())
        try:
            silent.ask()
        except Interrupted:
            steps.append("interrupted")
            raise
        finally:
            with awaiting_answer():  # what tidies up gets its answers
                time.sleep(0.05)
            steps.append("tidied up")

    def answer_when_interrupted() -> None:
        while asking.isdisjoint(threads._ending):
            time.sleep(0.01)
        silent.answers.set()

    threading.Thread(target=answer_when_interrupted, daemon=True).start()
    interrupted_beside(ask, silent.asked)
    assert steps == ["interrupted", "tidied up"]


def test_what_tidies_up_after_an_interruption_has_as_long_as_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr("ecr_tasks.clients.parallel.was_interrupted", lambda: True)
    silent = Silent()
    with pytest.raises(Interrupted):
        begin(silent.ask)()
    silent.answers.set()
    monkeypatch.setattr(threads, "ANSWER_SECONDS", 60.0)
    assert begin(lambda: "tidy")() == "tidy"


def test_a_thread_that_waits_for_no_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "ANSWER_SECONDS", 0.0)
    begun, steps = threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        time.sleep(0.2)
        steps.append("done")

    interrupted_beside(work, begun)
    assert steps == ["done"]
