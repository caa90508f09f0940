"""Runs docker's builds, pushes, pulls and copies again after a transient failure."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence

from ecr_tasks.clients.docker.process import ProcessResult
from ecr_tasks.clients.docker.transient import arrived_layers, refused_here
from ecr_tasks.clients.retry import Backoff, Retrier

TRANSFER = Backoff(attempts=9, first_wait=1.0)
"""The waits between attempts, 45 to 91 seconds in all; docker's own attempts follow each other without a wait."""

LOOKUP = Backoff(attempts=6, first_wait=0.5)
"""The waits between attempts to read a manifest, 8 to 16 seconds in all: a run goes on without what it reads."""

CONNECT_SECONDS = 2.0
"""How long a connection to this machine may take."""

LATEST_START = 100
"""Seconds after the first failure in which an attempt may begin: TRANSFER's waits and docker's own time fit in.

An attempt that lasts longer has got far, and its layers stay: its failure counts as the first one again. One that
has brought another layer is the first attempt again, too: that happens no more often than there are layers."""


def retry_transient(
    transfer: Callable[[], ProcessResult],
    transient_reason: Callable[[Sequence[str]], str | None],
    retrier: Retrier,
) -> ProcessResult:
    """Run a transfer until it succeeds or its failure is lasting, and return its last result.

    ``transient_reason`` is given the last lines of a failed attempt and returns why another one may succeed, or None.
    The classic image store takes most of a minute for each attempt: no attempt begins more than LATEST_START seconds
    after the first failure. A push of many gigabytes may lose its connection several times, minutes apart. A registry
    on this machine is waited for as long as a restart takes.
    """
    first_failure, attempt, unreachable, arrived = 0.0, 0, 0, set[str]()
    while True:
        start, attempt = time.monotonic(), attempt + 1
        result = transfer()
        reason, now = transient_reason(result.lines) if result.code != 0 else None, time.monotonic()
        layers = arrived_layers(result.lines)
        if not layers <= arrived:
            attempt, arrived = 1, arrived | layers
        if attempt == 1 or now - start > LATEST_START:
            first_failure = now
        if reason is None or now - first_failure > LATEST_START:
            break
        address = refused_here(result.lines)
        if address is not None:
            unreachable += is_served(*address)
        if unreachable > 1:  # not only back at this moment: the engine's 127.0.0.1 is another machine's
            break
        if not (retrier.wait_for_restart(attempt, reason) if address else retrier.wait(TRANSFER, attempt, reason)):
            break
    return result


def is_served(host: str, port: int) -> bool:
    """Return whether somebody listens at an address of this machine."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError):  # the latter for no port at all
        return False
    return True
