"""The rate limit of ECR's PutImage: ten per second for an account and region, including docker's own calls.

A raised quota is a setting (ECR_PUTS_PER_SECOND), and a local ECR has none.

The registry counts the calls that arrive in one second, which we can't observe. So we count a call from before it is
sent until a second after its answer: however long the network takes, no eleventh call arrives within that time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from ecr_tasks.clients.retry import discard
from ecr_tasks.model.ecr_host import is_on_this_machine

LIMIT = 10
"""PutImage calls per second for an account and region (ECR user guide, service quotas)."""

PERIOD = 1.0  # seconds
POLL = 0.05
"""Seconds between two checks whether calls under way have ended."""


_permitted: ContextVar[tuple[RateLimit, list[None]] | None] = ContextVar("_permitted", default=None)
"""The limit that has permitted calls of this thread, or of threads for it, and one item for each that is left."""


class RateLimit:
    """The limit of one registry, for all threads.

    ``where`` names the registry. ``report`` gets a line when the waiting becomes noticeable.
    """

    def __init__(
        self,
        where: str,
        report: Callable[[str], None] = discard,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        limit: int = LIMIT,
    ) -> None:
        self._where, self._report, self._clock, self._pause = where, report, clock, pause
        self._limit = limit
        self._lock = threading.Lock()
        self._reserved = threading.local()
        self._under_way = 0
        self._ended: deque[float] = deque()  # when the last calls were answered
        self._waited = self._waits_until = 0.0
        self._next_line = 1.0

    @contextmanager
    def reserve(self, puts: int) -> Iterator[None]:
        """Wait until ``puts`` calls are allowed, and count them as under way until the context ends.

        They have ended when this thread begins a call of its own: if it waited for them, or another thread's call for
        them and this one for the other's, no wait would end.
        """
        self.begin(puts)
        self._reserved.puts = puts
        try:
            yield
        finally:
            self._end_reserved()

    @contextmanager
    def permit(self, puts: int) -> Iterator[None]:
        """Wait until ``puts`` calls of our own are allowed: so many don't wait until the context ends."""
        self.begin(puts)
        left: list[None] = [None] * puts
        before = _permitted.set((self, left))
        try:
            yield
        finally:
            _permitted.reset(before)
            with self._lock:
                self._under_way -= len(left)
                left.clear()

    def begin(self, puts: int = 1) -> None:
        """Wait until ``puts`` calls are allowed, and count them; more than the limit wait until none counts."""
        self._end_reserved()
        if puts == 1 and self._is_permitted():
            return
        while (seconds := self._begin(puts)) > 0:
            self._pause(seconds)

    def end(self, puts: int = 1) -> None:
        """Count ``puts`` calls as ended, with or without an answer."""
        with self._lock:
            self._under_way -= puts
            self._ended.extend([self._clock()] * puts)

    def _end_reserved(self) -> None:
        """Count what this thread has reserved as ended, once."""
        puts: int = getattr(self._reserved, "puts", 0)
        self._reserved.puts = 0
        self.end(puts)

    def _is_permitted(self) -> bool:
        """Return whether a call is one of those that were waited for and counted beforehand; it is none then."""
        limit, left = _permitted.get() or (None, [])
        with self._lock:
            if limit is not self or not left:
                return False
            left.pop()
            return True

    def _begin(self, puts: int) -> float:
        """Start counting ``puts`` calls and return 0, or return the seconds until they may be allowed."""
        with self._lock:
            now = self._clock()
            while self._ended and self._ended[0] + PERIOD <= now:
                self._ended.popleft()
            excess = self._under_way + len(self._ended) + min(puts, self._limit) - self._limit
            if excess <= 0:
                self._under_way += puts
                return 0.0
            # Calls under way can take any time, so check again soon.
            seconds = POLL if excess > len(self._ended) else self._ended[excess - 1] + PERIOD - now
            # Threads that wait side by side keep the run waiting once.
            until = max(self._waits_until, now + seconds)
            self._waited += until - max(self._waits_until, now)
            self._waits_until = until
            if self._waited >= self._next_line:
                # Hundreds of tags wait hundreds of times: a line after one second, two, four, eight.
                self._next_line = 2 * self._waited
                number = "ten" if self._limit == LIMIT else self._limit
                waited = f"waiting, {self._waited:.1f} s by now"
                self._report(f"{waited}: ECR takes {number} PutImage a second ({self._where})")
            return seconds


class RateLimits:
    """A run's limits, one for each account and region. ``quota`` is the setting; None is ECR's own, on AWS alone."""

    def __init__(
        self,
        report: Callable[[str], None],
        pause: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
        quota: int | None = None,
    ) -> None:
        self._report, self._pause, self._clock, self._quota = report, pause, clock, quota
        self._limits: dict[tuple[str, str], RateLimit] = {}
        self._lock = threading.Lock()

    def of(self, account: str, region: str) -> RateLimit:
        """Return the limit of an account's registry in a region."""
        with self._lock:
            if (account, region) not in self._limits:
                where = f"account {account}, {region}"
                self._limits[account, region] = RateLimit(
                    where, self._report, clock=self._clock, pause=self._pause, limit=self._quota or LIMIT
                )
            return self._limits[account, region]

    def apply_to(self, endpoint: str) -> bool:
        """Return whether an API's endpoint has a limit: one on this machine (a local ECR) only where it is set."""
        return self._quota is not None or not is_on_this_machine(endpoint)

    def reserve(self, account: str, region: str, endpoint: str, puts: int) -> AbstractContextManager[None]:
        """Return a context that reserves ``puts`` calls in an account's registry, where there is a limit."""
        return self.of(account, region).reserve(puts) if self.apply_to(endpoint) else nullcontext()

    def permit(self, account: str, region: str, endpoint: str, puts: int) -> AbstractContextManager[None]:
        """Return a context that waits beforehand for ``puts`` calls of our own, where there is a limit."""
        return self.of(account, region).permit(puts) if self.apply_to(endpoint) else nullcontext()

    def limit(self, client: Any) -> None:
        """Make an ECR client wait for the limit before each PutImage that it sends, including retries."""
        if not self.apply_to(str(client.meta.endpoint_url)):
            return
        region = str(client.meta.region_name)

        def choose(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            context["ecr_tasks_rate_limit"] = self.of(str(params.get("registryId", "")), region)

        def begin(request: Any, **_: Any) -> None:
            request.context["ecr_tasks_rate_limit"].begin()

        def end(context: dict[str, Any], **_: Any) -> None:
            context["ecr_tasks_rate_limit"].end()

        events = client.meta.events
        events.register("before-parameter-build.ecr.PutImage", choose)
        events.register("request-created.ecr.PutImage", begin)
        events.register("response-received.ecr.PutImage", end)
