"""What the programs beside `inv bench` share: two sides in turn, in one process."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence

INVOKE = [sys.executable, "-m", "invoke"]


def compare(
    name: str,
    runs: int,
    ours: Callable[[], None],
    other: Callable[[], None],
    before: Callable[[], None] | None = None,
) -> None:
    """Run both sides in turn, without counting the first round, and print medians, spreads and the ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    for round_ in range(runs + 1):
        if before is not None:
            before()
        for seconds, command in zip(times, (ours, other), strict=True):
            start = time.perf_counter()
            command()
            if round_:
                seconds.append(time.perf_counter() - start)
    ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
    print(f"{name}: {spread(times[0])} / {spread(times[1])} = {ratio:.2f}", flush=True)


def spread(values: Sequence[float]) -> str:
    """Return the median, the lowest and the highest value as text."""
    return f"{statistics.median(values):.3f} s ({min(values):.3f}-{max(values):.3f})"
