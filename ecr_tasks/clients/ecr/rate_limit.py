"""Stays under ECR's ten PutImage a second for an account and region, docker's own included.

What counts is a second at the registry, which we don't see. So a call keeps its place from before it is sent until a
second after its answer: whatever the network does, no eleventh arrives within that time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ecr_tasks.clients.retry import discard

LIMIT = 10
"""PutImage a second for an account and region (AWS documentation, Amazon ECR service quotas)."""

PERIOD = 1.0
LOOK = 0.05
"""Seconds between two looks at whether somebody else is done, when nobody can say how long it takes."""


class Window:
    """How many are under way and when the last ones ended. Times are seconds of any clock that doesn't go back."""

    def __init__(self) -> None:
        self._under_way = 0
        self._ended: deque[float] = deque()

    def wait(self, puts: int, now: float) -> float:
        """Seconds until there may be room for so many; 0 where there is. More than the limit need all of it."""
        while self._ended and self._ended[0] + PERIOD <= now:
            self._ended.popleft()
        wanted = min(puts, LIMIT)
        if self._under_way + wanted > LIMIT and self._under_way:
            return LOOK
        over = self._under_way + len(self._ended) + wanted - LIMIT
        return self._ended[over - 1] + PERIOD - now if over > 0 else 0.0

    def begin(self, puts: int) -> None:
        """So many are on their way."""
        self._under_way += puts

    def end(self, puts: int, now: float) -> None:
        """So many have been answered."""
        self._under_way -= puts
        self._ended.extend([now] * puts)


class Budget:
    """One registry's, for all threads. ``where`` names it; ``tell`` hears when the waiting becomes noticeable."""

    def __init__(
        self,
        where: str,
        tell: Callable[[str], None] = discard,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._where = where
        self._tell = tell
        self._clock = clock
        self._pause = pause
        self._window = Window()
        self._lock = threading.Lock()
        self._waited = 0.0
        self._next_line = 1.0

    @contextmanager
    def reserve(self, puts: int) -> Iterator[None]:
        """Room for so many PutImage inside, after a wait if need be."""
        self.begin(puts)
        try:
            yield
        finally:
            self.end(puts)

    def begin(self, puts: int = 1) -> None:
        """Waits until there is room for so many, and takes it."""
        while (seconds := self._begin(puts)) > 0:
            self._pause(seconds)

    def end(self, puts: int = 1) -> None:
        """So many have been answered, or will not be."""
        with self._lock:
            self._window.end(puts, self._clock())

    def _begin(self, puts: int) -> float:
        with self._lock:
            seconds = self._window.wait(puts, self._clock())
            if seconds <= 0:
                self._window.begin(puts)
                return 0.0
            self._waited += seconds
            if self._waited >= self._next_line:
                # Hundreds of tags wait hundreds of times: a line after one second, two, four, eight.
                self._next_line = 2 * self._waited
                self._tell(f"waiting, {self._waited:.1f} s by now: ECR takes ten PutImage a second ({self._where})")
            return seconds


class Budgets:
    """A run's budgets, one for each account and region."""

    def __init__(
        self,
        tell: Callable[[str], None],
        pause: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._pause = pause
        self._clock = clock
        self._made: dict[tuple[str, str], Budget] = {}
        self._lock = threading.Lock()

    def of(self, account: str, region: str) -> Budget:
        """The budget of an account's registry in a region."""
        with self._lock:
            if (account, region) not in self._made:
                where = f"account {account}, {region}"
                self._made[account, region] = Budget(where, self._tell, clock=self._clock, pause=self._pause)
            return self._made[account, region]

    def hold(self, client: Any) -> None:
        """Has an ECR client wait for room before each PutImage that it sends, tried again or not."""
        region = str(client.meta.region_name)

        def choose(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            context["ecr_tasks_budget"] = self.of(str(params.get("registryId", "")), region)

        def begin(request: Any, **_: Any) -> None:
            request.context["ecr_tasks_budget"].begin()

        def end(context: dict[str, Any], **_: Any) -> None:
            context["ecr_tasks_budget"].end()

        events = client.meta.events
        events.register("before-parameter-build.ecr.PutImage", choose)
        events.register("request-created.ecr.PutImage", begin)
        events.register("response-received.ecr.PutImage", end)
