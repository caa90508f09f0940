"""Runs a push, pull or copy of docker's again where it fails of something that passes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ecr_tasks.clients.docker.process import Finished
from ecr_tasks.clients.retry import Backoff, Retrier

LATEST = 100
"""Seconds within which a transfer is begun again; TRANSFER's waits and what docker needs in between fit in."""


def insist(
    transfer: Callable[[], Finished], passing: Callable[[Sequence[str]], str | None], retrier: Retrier
) -> Finished:
    """How the transfer ended in the end; ``passing`` says why it is worth another attempt, or None.

    docker itself tries again at once, or (the classic store) for most of a minute each time: none begins later than
    LATEST seconds after the first one has failed.
    """
    failed: float | None = None
    attempt = 1
    while True:
        finished = transfer()
        why = passing(finished.lines) if finished.code != 0 else None
        if why is None:
            return finished
        now = time.monotonic()
        failed = now if failed is None else failed
        if now - failed > LATEST or not retrier.wait(TRANSFER, attempt, why):
            return finished
        attempt += 1


TRANSFER = Backoff(attempts=9, first=1.0)
"""For a push, pull or copy of docker's, which tries again by itself, but at once: 45 to 91 seconds in all."""
