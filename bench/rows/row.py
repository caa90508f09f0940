"""What a row of the benchmark is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.measure import Comparison
from bench.scene import Scene


@dataclass(frozen=True)
class Goal:
    """What our side shall need at most: a share of another side's time, or so many round trips or megabytes.

    With another side, the seconds are those that ours takes more than it. ``delayed`` tells where it counts: only
    behind the delay, only without it, or (None) in both.
    """

    other: str = ""
    ratio: float | None = None
    waves: int | None = None
    megabytes: float | None = None
    seconds: float | None = None
    delayed: bool | None = None


@dataclass(frozen=True)
class Row:
    """A row: what is compared, how it is made ready, and what we have to say about it.

    ``runs`` replaces the number of runs where one takes long. ``has_delay`` is False where no registry is asked.
    ``needs`` names a task that it uses. ``note`` says what was done where we are not first, and what is left.
    """

    name: str
    title: str
    make: Callable[[Scene], Comparison]
    goals: tuple[Goal, ...] = ()
    runs: int | None = None
    has_delay: bool = True
    needs: str = ""
    note: str = ""
