"""Threads that end with a block, and questions with a time limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress

import pytest

from ecr_tasks.clients.parallel import Question, Workers, begin
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError, EcrTasksError, UnexpectedError

LATE = AwsError("No answer.", "Wait.")


def ask(call: Callable[[], str], seconds: float = 60) -> Question[str]:
    return Question(call, seconds, lambda: LATE, lambda error: UnexpectedError(type(error).__name__, "Report it."))


def test_an_answer_is_returned_each_time() -> None:
    question = ask(lambda: "here")
    assert [question.answer, question.answer] == ["here", "here"]


def test_a_question_that_hangs_has_an_error_and_waits_no_longer() -> None:
    end = threading.Event()
    question = ask(lambda: str(end.wait()), seconds=0.05)
    assert question.answer is LATE
    assert question.answer is LATE
    end.set()


@pytest.mark.parametrize(
    ("raised", "cause"), [(AwsError("Denied.", "x"), "Denied."), (KeyError("secret"), "KeyError")]
)
def test_an_exception_is_an_answer(raised: Exception, cause: str) -> None:
    def fail() -> str:
        raise raised

    answer = ask(fail).answer
    assert isinstance(answer, EcrTasksError)
    assert answer.cause == cause


def test_a_call_that_was_begun_gives_its_result_or_its_error_when_it_is_asked_for() -> None:
    started = threading.Event()

    def call() -> str:
        assert started.wait(60)
        return "done"

    result = begin(call)
    started.set()
    assert result() == "done"
    nothing: dict[str, str] = {}
    failed = begin(lambda: nothing["name"])
    with pytest.raises(KeyError):
        failed()


def test_what_a_block_began_goes_on_beside_it_and_ends_with_it() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), []

    def call(number: int) -> int:
        begun.set()
        assert go_on.wait(60)
        ended.append(number)
        return number

    def fail() -> None:
        with Workers(1, Retrier()) as threads:
            first = threads.begin(lambda: call(1))
            second = threads.begin(lambda: call(2))
            assert begun.wait(60)
            assert ended == []

            def go_on_when_cancelled() -> None:
                with suppress(CancelledError):
                    second()
                go_on.set()

            threading.Thread(target=go_on_when_cancelled, daemon=True).start()
            raise ValueError(first)

    with pytest.raises(ValueError, match="result"):
        fail()
    assert ended == [1], "the other one is not begun any more"
