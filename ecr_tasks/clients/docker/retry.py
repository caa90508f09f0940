"""Runs docker's pushes, pulls and copies again after a transient failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ecr_tasks.clients.docker.process import ProcessResult
from ecr_tasks.clients.retry import Backoff, Retrier

TRANSFER = Backoff(attempts=9, first=1.0)
"""For a push, pull or copy, which docker itself tries again, but at once: 45 to 91 seconds in all."""

LATEST_START = 100
"""Seconds after the first failure in which an attempt may begin: TRANSFER's waits and docker's own time fit in."""


def retry_transient(
    transfer: Callable[[], ProcessResult],
    transient_reason: Callable[[Sequence[str]], str | None],
    retrier: Retrier,
) -> ProcessResult:
    """Run a transfer until it succeeds or its failure is lasting, and return its last result.

    ``transient_reason`` is given the last lines of a failed attempt and returns why another one may succeed, or None.
    The classic image store takes most of a minute for each attempt: no attempt begins more than LATEST_START seconds
    after the first failure.
    """
    first_failure: float | None = None
    attempt = 1
    while True:
        result = transfer()
        reason = transient_reason(result.lines) if result.code != 0 else None
        if reason is None:
            return result
        now = time.monotonic()
        first_failure = now if first_failure is None else first_failure
        if now - first_failure > LATEST_START or not retrier.wait(TRANSFER, attempt, reason):
            return result
        attempt += 1
