"""How a run waits: how long it tries again what may come right by itself, what it says meanwhile, how it is stopped.

A wait is a random time between a half and the whole of what the back-off says. AWS's "full jitter" begins at nothing,
and so a run in five would give up on an outage of a minute; half of it still spreads many pipelines over seconds.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ecr_tasks.errors import Interrupted, SettingsError


@dataclass(frozen=True)
class Backoff:
    """So many attempts in all; the first wait is at most ``first`` seconds, each later one twice the one before."""

    attempts: int
    first: float
    longest: float = 20.0

    def seconds(self, attempt: int, chance: float) -> float:
        """The wait after the attempt of that number (from 1); ``chance`` is from 0 to 1."""
        whole: float = min(self.first * 2 ** (attempt - 1), self.longest)
        return whole * (0.5 + chance / 2)


UNTOLD = 0.5
"""Seconds: a shorter wait is not worth a line."""


def no_word(text: str) -> None:
    """Tells nobody."""


class Patience:
    """One run's. ``tell`` gets a line for each noticeable wait; ``attempts`` is the user's own number of them."""

    def __init__(
        self,
        tell: Callable[[str], None] = no_word,
        attempts: int | None = None,
        *,
        wait: Callable[[float], bool] | None = None,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tell = tell
        self._attempts = attempts
        self._over = threading.Event()
        self._wait = wait or self._over.wait
        self._chance = chance
        self._clock = clock
        self._told_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def attempts(self, backoff: Backoff) -> int:
        """How often something is tried in all."""
        return self._attempts or backoff.attempts

    def again(self, backoff: Backoff, attempt: int, why: str) -> bool:
        """Waits before the attempt after this one (numbers from 1), saying why; False when there is none."""
        most = self.attempts(backoff)
        if attempt >= most:
            return False
        seconds = backoff.seconds(attempt, self._chance())
        if self._worth_a_line(seconds, why):
            self.tell(f"{why}; trying again in {seconds:.1f} s ({attempt + 1} of {most})")
        self.pause(seconds)
        return True

    def pause(self, seconds: float) -> None:
        """Waits. Raises Interrupted where another thread has been told that the run is over."""
        if self._wait(seconds):
            raise Interrupted("Interrupted.", "Run it again: it takes up where it stopped.")

    def end(self) -> None:
        """Ends every wait, in all threads: the run is over."""
        self._over.set()

    def _worth_a_line(self, seconds: float, why: str) -> bool:
        """Not a short wait, and not one that another thread has begun for the same reason."""
        now = self._clock()
        with self._lock:
            if seconds < UNTOLD or now < self._told_until.get(why, now):
                return False
            self._told_until[why] = now + seconds
            return True


def chosen_attempts(environ: Mapping[str, str]) -> int | None:
    """AWS_MAX_ATTEMPTS, the SDK's own name, where it is set. Raises SettingsError where it is no such number."""
    text = environ.get("AWS_MAX_ATTEMPTS", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise SettingsError(
            f"AWS_MAX_ATTEMPTS is {text!r}, which is no number of attempts.", "Set it to 1 or more, or leave it out."
        )
    return int(text)
