"""Does several things at once, and ends at once when the run is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ecr_tasks.clients.retry import Patience

T = TypeVar("T")
R = TypeVar("R")


def each(function: Callable[[T], R], items: Sequence[T], most: int, patience: Patience) -> list[R]:
    """The function's results in the items' order, ``most`` at once; one alone needs no thread.

    Raises the first error in that order, and begins nothing after it. An interruption ends the others' waits too, and
    their results are nobody's then.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    pool = ThreadPoolExecutor(most)
    try:
        return list(pool.map(function, items))
    except KeyboardInterrupt:
        patience.end()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
