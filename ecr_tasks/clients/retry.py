"""Repeated attempts at what may succeed later: the waits between them, the lines that report these, and their end.

A wait is a random time between a half and the whole of the back-off's seconds. AWS's "full jitter" begins at zero:
with it, one run in five would give up during an outage of a minute. A half still spreads many pipelines over seconds.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ecr_tasks.errors import Interrupted, SettingsError

SHORTEST_REPORTED = 0.5
"""Seconds; a shorter wait is not reported."""


@dataclass(frozen=True)
class Backoff:
    """How often and after which waits something is tried.

    ``attempts`` counts the first one. The first wait is at most ``first`` seconds, each later one at most twice the
    one before, none above ``longest``.
    """

    attempts: int
    first: float
    longest: float = 20.0

    def seconds(self, attempt: int, chance: float) -> float:
        """Return the wait after the attempt of that number (from 1); ``chance`` is from 0 to 1."""
        whole: float = min(self.first * 2 ** (attempt - 1), self.longest)
        return whole * (0.5 + chance / 2)


def discard(line: str) -> None:
    """Ignore a line: the default where nobody wants reports."""


class Retrier:
    """Waits between attempts, for all threads of one run.

    ``report`` gets a line for each noticeable wait. ``attempts`` replaces every back-off's own number.
    ``sleep`` waits so many seconds and returns True when the run has ended meanwhile.
    """

    def __init__(
        self,
        report: Callable[[str], None] = discard,
        attempts: int | None = None,
        *,
        sleep: Callable[[float], bool] | None = None,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.report, self._attempts = report, attempts
        self._stopped = threading.Event()
        self._sleep, self._chance, self._clock = sleep or self._stopped.wait, chance, clock
        self._reported_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def attempts(self, backoff: Backoff) -> int:
        """Return how often something is tried in all."""
        return self._attempts or backoff.attempts

    def wait(self, backoff: Backoff, attempt: int, reason: str) -> bool:
        """Report the reason and wait after an attempt (numbers from 1); return False when it was the last one.

        Raises Interrupted when the run is stopped meanwhile.
        """
        attempts = self.attempts(backoff)
        if attempt >= attempts:
            return False
        seconds = backoff.seconds(attempt, self._chance())
        if self._is_reported(seconds, reason):
            self.report(f"{reason}; trying again in {seconds:.1f} s ({attempt + 1} of {attempts})")
        self.pause(seconds)
        return True

    def pause(self, seconds: float) -> None:
        """Wait. Raises Interrupted when another thread stops the run meanwhile."""
        if self._sleep(seconds):
            raise Interrupted("Interrupted.", "Run it again: it takes up where it stopped.")

    def stop(self) -> None:
        """End every wait in all threads: the run is over."""
        self._stopped.set()

    def _is_reported(self, seconds: float, reason: str) -> bool:
        """Return whether a wait is long enough and no other thread waits for the same reason."""
        now = self._clock()
        with self._lock:
            if seconds < SHORTEST_REPORTED or now < self._reported_until.get(reason, now):
                return False
            self._reported_until[reason] = now + seconds
            return True


def max_attempts(environ: Mapping[str, str]) -> int | None:
    """Return AWS_MAX_ATTEMPTS, the SDK's own setting, or None where it is not set.

    Raises SettingsError when it is not a number from 1.
    """
    text = environ.get("AWS_MAX_ATTEMPTS", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise SettingsError(
            f"AWS_MAX_ATTEMPTS is {text!r}, which is no number of attempts.", "Set it to 1 or more, or leave it out."
        )
    return int(text)
