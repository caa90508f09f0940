"""What the programs beside `inv bench` share: two sides in turn, in one process."""

from __future__ import annotations

import compileall
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import ecr_tasks

INVOKE = [sys.executable, "-m", "invoke"]


def compile_package() -> None:
    """Compile the package, as `pip install` does; an editable checkout has no bytecode, as Invoke writes none."""
    compileall.compile_dir(str(Path(ecr_tasks.__file__).parent), quiet=1)


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


def run(command: Sequence[str], folder: Path, environ: dict[str, str]) -> None:
    """Run a command in a folder. Raises SystemExit with its output when it fails."""
    result = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{result.stdout}{result.stderr}")
