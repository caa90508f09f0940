"""Retries: how often to try again, how long to wait before, which waits to report, and how to stop waiting.

A wait is a random time between 50 % and 100 % of the back-off's seconds. AWS's "full jitter" begins at zero; with it,
one run in five would give up during an outage of a minute. With 50 %, many pipelines still retry at different times.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Mapping

from ecr_tasks.errors import Interrupted, SettingsError
from ecr_tasks.frozen import dataclass

MIN_REPORTED_SECONDS = 0.5
"""A wait of fewer seconds is not reported."""


@dataclass(frozen=True)
class Backoff:
    """The number of attempts and the waits between them.

    ``attempts`` includes the first attempt. The first wait is at most ``first_wait`` seconds; each later one is at
    most twice as long, and never longer than ``longest_wait`` seconds.
    """

    attempts: int
    first_wait: float
    longest_wait: float = 20.0

    def seconds(self, attempt: int, jitter: float) -> float:
        """Return the seconds to wait after an attempt, by its number (from 1); ``jitter`` is random, from 0 to 1."""
        maximum: float = min(self.first_wait * 2 ** (attempt - 1), self.longest_wait)
        return maximum * (0.5 + jitter / 2)


RESTART = Backoff(attempts=9, first_wait=0.5, longest_wait=4.0)
"""The waits for a registry on this machine that is gone, 12 to 24 seconds in all: no network brings it back, only who
restarts it."""


def discard(line: str) -> None:
    """Ignore a line: the default for ``report``."""


class Retrier:
    """Waits between attempts, for all threads of one run.

    ``report`` is called with a line about each wait that is long enough. ``attempts`` replaces the number of attempts
    of every back-off. ``sleep`` waits for a number of seconds and returns True when the run was stopped meanwhile.
    """

    def __init__(
        self,
        report: Callable[[str], None] = discard,
        attempts: int | None = None,
        *,
        sleep: Callable[[float], bool] | None = None,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.report, self._attempts = report, attempts
        self._stopped = threading.Event()
        self._sleep, self._jitter, self._clock = sleep or self._stopped.wait, jitter, clock
        self._reported_until: dict[str, float] = {}
        self._lock = threading.Lock()
        self._gave_up_restart = False

    def attempts(self, backoff: Backoff) -> int:
        """Return the number of attempts, including the first one."""
        return self._attempts or backoff.attempts

    def wait(self, backoff: Backoff, attempt: int, reason: str) -> bool:
        """Report the reason and wait after an attempt, by its number (from 1); return False after the last attempt.

        Raises Interrupted when the run is stopped meanwhile.
        """
        attempts = self.attempts(backoff)
        if attempt >= attempts:
            return False
        seconds = backoff.seconds(attempt, self._jitter())
        if self._is_reported(seconds, reason):
            self.report(f"{reason}; trying again in {seconds:.1f} s ({attempt + 1} of {attempts})")
        self.pause(seconds)
        return True

    def wait_for_restart(self, attempt: int, reason: str) -> bool:
        """Wait as :meth:`wait` for a registry on this machine; once it was given up, nobody waits for it any more."""
        if self._gave_up_restart or not self.wait(RESTART, attempt, reason):
            self._gave_up_restart = True
        return not self._gave_up_restart

    def pause(self, seconds: float) -> None:
        """Wait. Raises Interrupted when another thread stops the run meanwhile."""
        if self._sleep(seconds):
            raise Interrupted("Interrupted.", "Run it again: it takes up where it stopped.")

    def stop(self) -> None:
        """End the waits of all threads, because the run ends."""
        self._stopped.set()

    def _is_reported(self, seconds: float, reason: str) -> bool:
        """Return whether a wait is long enough to report, and no other thread has reported a wait for this reason."""
        now = self._clock()
        with self._lock:
            if seconds < MIN_REPORTED_SECONDS or now < self._reported_until.get(reason, now):
                return False
            self._reported_until[reason] = now + seconds
            return True


def max_attempts(environ: Mapping[str, str]) -> int | None:
    """Return the SDK's setting AWS_MAX_ATTEMPTS, or None when it is not set.

    Raises SettingsError when it is not a whole number of at least 1.
    """
    text = environ.get("AWS_MAX_ATTEMPTS", "").strip()
    if not text:
        return None
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise SettingsError(
            f"AWS_MAX_ATTEMPTS is {text[:40]!r}, which is no number of attempts.",
            "Set it to 1 or more, or leave it out.",
        )
    return int(text.lstrip("0"))
