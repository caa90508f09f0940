"""Threads that stop at once when the run is interrupted, a parallel map, and questions with a time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

from ecr_tasks.clients import threads
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.clients.threads import end_threads, waiting_for
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.signals import was_interrupted

T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """Threads that carry out calls, at most so many at a time, in a block, whose end waits for those that run.

    No further call is begun after it, as after an error. An interruption also ends the threads' waits by the
    ``retrier``, and waits for no answer that takes long. What they say is gathered where that of the caller is.
    """

    def __init__(self, number: int, retrier: Retrier | None) -> None:
        self._number, self._retrier = number, retrier
        self._calls: SimpleQueue[tuple[Callable[[], object], Future[object]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy: list[threading.Thread] = []
        """Those that make a call: nothing need be awaited of the others."""
        self._ends_early = not was_interrupted()

    def __enter__(self) -> Workers:
        return self

    def begin(self, call: Callable[[], R]) -> Callable[[], R]:
        """Let the next free thread make a call; return what waits for its result, or raises its error."""
        result: Future[Any] = Future()
        self._calls.put((partial(copy_context().run, call), result))
        if len(self._threads) < self._number:
            self._threads.append(threading.Thread(target=self._work, daemon=True))
            self._threads[-1].start()

        def wait_for_result() -> R:
            with waiting_for(self._busy if self._ends_early else ()):
                value: R = result.result()
                return value

        return wait_for_result

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the block, as after an error; more than one thread may."""
        with suppress(Empty):
            while (call := self._calls.get_nowait()) is not None:
                call[1].cancel()
        for _ in self._threads:
            self._calls.put(None)
        if isinstance(error, KeyboardInterrupt) or (self._ends_early and was_interrupted()):
            self._interrupt()
            return
        try:
            with waiting_for(self._threads if self._ends_early else ()):
                for thread in self._threads:
                    thread.join()
        except KeyboardInterrupt:
            self._interrupt()
            raise

    def _interrupt(self) -> None:
        if self._retrier is not None:
            self._retrier.stop()
        end_threads(self._threads)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            call, result = item
            self._busy.append(threading.current_thread())
            try:
                result.set_result(call())
            except BaseException as error:
                result.set_exception(error)
            finally:
                self._busy.remove(threading.current_thread())


def map_parallel(function: Callable[[T], R], items: Sequence[T], workers: int, retrier: Retrier | None) -> list[R]:
    """Return the function's results in the items' order, at most ``workers`` at a time; one item needs no thread.

    Raises the first error in that order and starts no further item; the other results are lost. ``retrier`` is that
    of :class:`Workers`.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    with Workers(workers, retrier) as pool:
        results = [pool.begin(partial(function, item)) for item in items]
        return [result() for result in results]


def begin(call: Callable[[], T]) -> Callable[[], T]:
    """Start a call in a thread of its own, and return what waits for its result, or raises its error.

    A result that nobody waits for is lost. The thread is a daemon: an interruption does not wait for it. One that is
    begun after that, to tidy up, has as long as an answer has; then its waiter raises Interrupted.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    thread = threading.Thread(target=copy_context().run, args=(run,), daemon=True)
    awaited = () if was_interrupted() else (thread,)
    thread.start()

    def wait() -> T:
        if not awaited and not futures.wait([done], threads.ANSWER_SECONDS).done:
            raise threads.interrupted()
        with waiting_for(awaited):
            return done.result()

    return wait


class Question(Generic[T]):
    """A call in a thread of its own, which may take ``seconds`` from now on.

    A call that hangs ends with the process: its thread is a daemon. ``late`` makes the error for it, ``unexpected``
    that for an exception that is none of ours.
    """

    def __init__(
        self,
        call: Callable[[], T],
        seconds: float,
        late: Callable[[], EcrTasksError],
        unexpected: Callable[[Exception], EcrTasksError],
    ) -> None:
        self._call, self._late, self._unexpected = call, late, unexpected
        self._done = threading.Event()
        self._until = time.monotonic() + seconds
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def answer(self) -> T | EcrTasksError:
        """The call's result, or the error in its place."""
        return self._result if self._done.wait(max(0.0, self._until - time.monotonic())) else self._late()

    def _run(self) -> None:
        self._result: T | EcrTasksError
        try:
            self._result = self._call()
        except EcrTasksError as error:
            self._result = error
        except Exception as error:
            self._result = self._unexpected(error)
        finally:
            self._done.set()
