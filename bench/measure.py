"""Runs the sides of a row in turn, and tells of each its times, its largest process and what it started and asked."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.registry import Registry, Traffic

COUNTED = ("docker", "buildx", "git")
STARTED = "started"
PROC_STAT = Path("/proc/stat")
IDLE_SECONDS, IDLE_SHARE, IDLE_WITHIN = 0.25, 0.2, 10.0
"""A machine is idle when of so many seconds one processor works for no more than this share."""

SHIM = """#!/bin/sh
# buildx tells docker its version before each command; that is no work of its own.
[ "$1" = docker-cli-plugin-metadata ] || echo {name} >>'{file}'
exec {program} "$@"
"""


@dataclass(frozen=True)
class Side:
    """One way to do a row's work: a shell script in a folder."""

    name: str
    script: str
    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Comparison:
    """A row made ready: its sides, ours first; ``before`` prepares each round, and ``check`` looks at the end."""

    sides: Sequence[Side]
    before: Callable[[], None] | None = None
    check: Callable[[], None] | None = None


@dataclass
class Measured:
    """What a side needed: seconds of each run, and of its processes' CPU; its largest process, starts, traffic."""

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    megabytes: float = 0.0
    started: dict[str, int] = field(default_factory=dict)
    traffic: Traffic | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def median(self) -> float | None:
        """The median of the runs that did not fail."""
        return statistics.median(self.seconds) if self.seconds else None


@dataclass(frozen=True)
class Run:
    """One run of a side: its seconds, those of CPU, its largest process, and what it wrote if it failed."""

    seconds: float
    cpu: float
    megabytes: float
    failure: str


def run(side: Side, environ: Mapping[str, str]) -> Run:
    """Run a side and wait for it. The engine is no child of it: its CPU and memory are not in the result."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            ["sh", "-euc", side.script],
            cwd=side.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    failure = (text or f"exit code {process.returncode}") if status else ""
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, failure)


def measure(
    comparison: Comparison, runs: int, registry: Registry | None, shims: Path, tell: Callable[[str], None]
) -> list[Measured]:
    """Run all sides in turn, another one first each time, after a round that doesn't count; then count in one more.

    With one run, there is no round that doesn't count: such a row is about a first time, or takes minutes.
    """
    results = [Measured(side.name) for side in comparison.sides]
    warm_up = runs > 1
    for round_ in range(runs + warm_up):
        if comparison.before is not None:
            comparison.before()
        for index in rotated(len(results), round_):
            side, result = comparison.sides[index], results[index]
            wait_until_idle()
            done = run(side, side.environ)
            tell(f"{side.name}: {done.seconds:.3f} s{' (failed)' if done.failure else ''}")
            if done.failure:
                result.failures.append(done.failure)
            elif round_ >= warm_up:
                result.seconds.append(done.seconds)
                result.cpu.append(done.cpu)
            result.megabytes = max(result.megabytes, done.megabytes)
    if registry is not None:
        if comparison.before is not None:
            comparison.before()
        for side, result in zip(comparison.sides, results, strict=True):
            count(side, result, registry, shims)
    if comparison.check is not None:
        comparison.check()
    return results


def wait_until_idle() -> None:
    """Wait until the machine does nothing, for ten seconds at most.

    An engine still tidies up when a command has ended, of which the next side would bear the cost: after a bake of 20
    images for more than a second. Where the system doesn't say how busy it is, a second must do.
    """
    if not PROC_STAT.exists():
        time.sleep(1)
        return
    until = time.monotonic() + IDLE_WITHIN
    before = busy_seconds()
    while time.monotonic() < until:
        time.sleep(IDLE_SECONDS)
        now = busy_seconds()
        if now - before < IDLE_SHARE * IDLE_SECONDS:
            return
        before = now


def busy_seconds() -> float:
    """Return the seconds for which this machine's processors have worked or waited for a disk (proc_stat(5))."""
    words = PROC_STAT.read_text(encoding="ascii").split("\n", 1)[0].split()
    user, nice, system, _, waited, interrupts, softly = map(int, words[1:8])
    return (user + nice + system + waited + interrupts + softly) / os.sysconf("SC_CLK_TCK")


def rotated(length: int, by: int) -> list[int]:
    """Return the numbers below ``length``, beginning with another one for each ``by``."""
    return [(by + index) % length for index in range(length)]


def count(side: Side, result: Measured, registry: Registry, shims: Path) -> None:
    """Run a side once more and count the programs that it starts and what it asks of the registry."""
    started = shims / STARTED
    started.write_text("")
    environ = {**side.environ, "PATH": f"{shims}{os.pathsep}{side.environ['PATH']}"}
    with registry.counted() as counted:
        done = run(side, environ)
    if done.failure:
        result.failures.append(done.failure)
        return
    result.traffic = counted[0]
    names = started.read_text().split()
    result.started = {name: names.count(name) for name in COUNTED}


def write_shim(path: Path, name: str, program: str, shims: Path) -> None:
    """Write a program that notes its start in ``shims`` and becomes the real one."""
    path.write_text(SHIM.format(name=name, program=program, file=shims / STARTED))
    path.chmod(0o755)
