"""How the threads of an interrupted run end: at their next answer, or without it where it takes long.

A thread can't be stopped while it waits for an answer, which a registry may give after a minute. So it says when it
waits for one, and the run goes on to its end without it: the threads are daemons.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

from ecr_tasks.errors import Interrupted

ANSWER_SECONDS = 1.0
"""How long an interrupted run waits for an answer that a thread waits for: the thread may then tidy up."""

TIDY_SECONDS = 12.0
"""How long it waits for its threads in all: longer than a program that was started gets to end."""

_POLL_SECONDS = 0.02

_lock = threading.Lock()
_answers: dict[Thread, float] = {}
"""The threads that wait for an answer, and since when."""

_others: dict[Thread, Collection[Thread]] = {}
"""The threads that wait for others, and for which."""

_ending: set[Thread] = set()
"""Those that are to end at their next answer."""


def interrupted() -> Interrupted:
    """Return the error of a thread whose run was interrupted."""
    return Interrupted("Interrupted.", "Run it again: it takes up where it stopped.")


@contextmanager
def awaiting_answer() -> Iterator[None]:
    """Let an interrupted run end without this thread while it is in the block, which waits for an answer.

    Raises Interrupted at the end of the block, once, where the run was interrupted.
    """
    thread = threading.current_thread()
    is_outermost = thread not in _answers
    with _lock:
        _answers.setdefault(thread, time.monotonic())
    try:
        yield
    finally:
        with _lock:
            if is_outermost:
                _answers.pop(thread, None)
            ends = thread in _ending
            _ending.discard(thread)
        if ends:
            raise interrupted()


@contextmanager
def waiting_for(threads: Collection[Thread]) -> Iterator[None]:
    """Let an interrupted run end without this thread where it can without all of these, for which the block waits.

    With none, as for those that tidy up, it waits.
    """
    thread = threading.current_thread()
    before = _others.get(thread, ())
    _others[thread] = threads
    try:
        yield
    finally:
        _others[thread] = before
        if not before:
            del _others[thread]


def end_threads(threads: Sequence[Thread]) -> None:
    """Wait until these threads have ended, or all that have not wait for an answer that takes long."""
    began, told = time.monotonic(), set[Thread]()
    while any(thread.is_alive() for thread in threads):
        now = time.monotonic()
        with _lock:  # some may just have begun to wait for others
            new = {*_all(threads)} - told
            _ending.update(new)
            told |= new
        if now > began + TIDY_SECONDS or all(_can_be_left(thread, began, now) for thread in threads):
            return
        time.sleep(_POLL_SECONDS)


def _all(threads: Collection[Thread]) -> Iterator[Thread]:
    """Yield the threads and all that they wait for."""
    for thread in threads:
        yield thread
        yield from _all(_others.get(thread, ()))


def _can_be_left(thread: Thread, ends_since: float, now: float) -> bool:
    since, others = _answers.get(thread), _others.get(thread, ())
    if not thread.is_alive():
        return True
    if since is not None:
        return now > max(since, ends_since) + ANSWER_SECONDS
    return bool(others) and all(_can_be_left(other, ends_since, now) for other in others)
