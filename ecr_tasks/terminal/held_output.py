"""The output of a program that has begun ahead: nobody reads it until it is known whether the program is needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.1
"""How often a program is looked at that nobody reads."""


class Discarded(BaseException):
    """Nobody needs a program that has begun ahead; it is to end without a word."""


class HeldOutput:
    """Holds the output of the programs that a call starts, until it is decided whether they are needed.

    ``ended`` is when the last one ended before that, on the clock that only goes on; None where it went on.
    """

    def __init__(self) -> None:
        self._decided = threading.Event()
        self.has_begun = threading.Event()
        """Set once a program has begun, and nobody reads it."""
        self._needed = False
        self.ended: float | None = None

    def run(self, call: Callable[[], T]) -> T:
        """Return what a call returns; the programs that this thread starts in it wait for the decision."""
        token = _held.set(self)
        try:
            return call()
        finally:
            _held.reset(token)

    def decide(self, *, needed: bool) -> None:
        """Let the programs go on and show what they say, or end them. The first decision stands."""
        if not self._decided.is_set():
            self._needed = needed
            self._decided.set()

    def wait(self, has_ended: Callable[[], bool] = lambda: False) -> None:
        """Wait for the decision about a program. Raises Discarded where it is not needed."""
        self.ended = None
        self.has_begun.set()
        while not self._decided.wait(POLL_SECONDS):
            if self.ended is None and has_ended():
                self.ended = time.monotonic()
        if not self._needed:
            raise Discarded


_held: ContextVar[HeldOutput | None] = ContextVar("held", default=None)


def held_output() -> HeldOutput | None:
    """Return what holds the output of this thread's programs; None where it is shown at once."""
    return _held.get()
