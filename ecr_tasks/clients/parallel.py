"""A parallel map with threads, which stops at once when the run is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ecr_tasks.clients.retry import Retrier

T = TypeVar("T")
R = TypeVar("R")


def map_parallel(function: Callable[[T], R], items: Sequence[T], workers: int, retrier: Retrier) -> list[R]:
    """Return the function's results in the items' order, at most ``workers`` at a time; one item needs no thread.

    Raises the first error in that order and starts no further item. An interruption also ends the waits of the other
    threads; their results are lost.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    pool = ThreadPoolExecutor(workers)
    try:
        return list(pool.map(function, items))
    except KeyboardInterrupt:
        retrier.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
