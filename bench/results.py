"""What a run of the benchmark came to: values that are kept in bench/results.json, from which the page is written."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.measure import Measured
from bench.registry import Traffic
from bench.rows.row import Goal, Row

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Result:
    """One row, with or without a delay (``delay`` in milliseconds), on one day; ``load`` is the machine's before."""

    row: str
    delay: int
    date: str
    machine: str
    runs: int
    load: float
    sides: Sequence[Measured] = field(default_factory=tuple)

    @property
    def ours(self) -> Measured:
        """Our side."""
        return self.sides[0]

    def ratio(self, other: Measured) -> float | None:
        """Return our median time as a share of another side's; None if one of them has none."""
        mine, theirs = self.ours.median, other.median
        return None if mine is None or theirs is None else mine / theirs


def verdict(goal: Goal, result: Result) -> tuple[str, bool | None]:
    """Return a goal as text and whether it is met; None where it doesn't count or can't be told."""
    if goal.delayed is not None and goal.delayed != bool(result.delay):
        return "", None
    other = next((side for side in result.sides if side.name == goal.other), None)
    if goal.ratio is not None:
        ratio = None if other is None else result.ratio(other)
        return f"≤ {goal.ratio:g} of {goal.other}", None if ratio is None else ratio <= goal.ratio
    if goal.waves is not None:
        traffic = result.ours.traffic
        # Without a delay, an answer is there before the next question can be sent at the same time.
        met = None if traffic is None or not result.delay else traffic.waves <= goal.waves
        return f"≤ {goal.waves} round trips" if result.delay else "", met
    if goal.megabytes is not None:
        return f"≤ {goal.megabytes:g} MB", result.ours.megabytes <= goal.megabytes
    median, what = result.ours.median, f"≤ {goal.seconds:g} s"
    if goal.other:
        what = f"{what} more than {goal.other}"
        median = median - other.median if median and other and other.median else None
    return what, None if median is None or goal.seconds is None else median <= goal.seconds


def is_first(result: Result) -> bool:
    """Tell whether we failed nowhere and no side was faster, by more than the noise of a twentieth."""
    ratios = [result.ratio(side) for side in result.sides[1:]]
    return not result.ours.failures and all(ratio is None or ratio <= 1.05 for ratio in ratios)


def new_result(row: Row, delay: int, runs: int, load: float, sides: list[Measured], machine: str) -> Result:
    """Return the result of a row that has just run."""
    return Result(row.name, delay, time.strftime("%Y-%m-%d", time.gmtime()), machine, runs, round(load, 1), sides)


def machine(versions: dict[str, str]) -> str:
    """Return in a line what it was measured on: processors, memory, system, and the versions of the programs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    programs = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    return f"{cores} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}, {programs}"


def read(path: Path = FILE) -> dict[tuple[str, int], Result]:
    """Return the kept results by row and delay; none if there is no file."""
    if not path.exists():
        return {}
    results = [_result(document) for document in json.loads(path.read_text("utf-8"))]
    return {(result.row, result.delay): result for result in results}


def write(results: dict[tuple[str, int], Result], path: Path = FILE) -> None:
    """Keep the results."""
    documents = [asdict(result) for result in results.values()]
    path.write_text(json.dumps(documents, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _result(document: dict[str, Any]) -> Result:
    sides = []
    for side in document["sides"]:
        traffic = side.pop("traffic")
        sides.append(Measured(**side, traffic=None if traffic is None else Traffic(**traffic)))
    return Result(**{**document, "sides": sides})
