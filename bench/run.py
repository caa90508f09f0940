"""Runs the chosen rows, and keeps and shows their results."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

from invoke.exceptions import Exit

import ecr_tasks
from bench import results
from bench.measure import measure
from bench.report import HEADS, PAGE, PLOT, cells, goals, page, plot, where
from bench.rows import copies, many_images, one_image
from bench.rows.row import Row
from bench.scene import AWS, BASE, ROOT, bench_environment, check, compile_package, scene
from ecr_tasks import console

ROWS: tuple[Row, ...] = (*one_image.ROWS, *copies.ROWS, *many_images.ROWS)


def chosen(patterns: Sequence[str], rows: Sequence[Row] = ROWS) -> list[Row]:
    """Return the rows that a pattern names, all without one. Raises Exit for a pattern that names none."""
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(row.name, pattern) for row in rows):
            raise Exit(f"No row is named {pattern}. There are: {', '.join(row.name for row in rows)}.", code=2)
    return [row for row in rows if not patterns or any(fnmatch.fnmatchcase(row.name, word) for word in patterns)]


def run_rows(patterns: Sequence[str], *, runs: int, delay: int, only_names: bool, record: bool) -> None:
    """Run rows and show each when it is there. Raises Exit, at the end, if a side of ours failed."""
    rows = chosen(patterns)
    if only_names:
        console.result_table(("row", "what"), [(row.name, row.title) for row in rows])
        return
    environ, clients = ready()
    machine = results.machine(versions(environ, clients))
    failed = []
    for row in rows:
        if row.needs and row.needs not in ecr_tasks.ns.task_names:
            tell(f"{row.name}: left out, there is no task {row.needs}.")
            continue
        for late in dict.fromkeys((0, delay)) if row.has_delay else (0,):
            tell(f"── {row.name}, {where(late)}")
            count, load = min(runs, row.runs or runs), os.getloadavg()[0]
            with scene(environ, clients, late / 1000) as made:
                registry = made.registry if row.has_delay else None
                sides = measure(row.make(made), count, registry, made.shims, tell)
            result = results.new_result(row, late, count, load, sides, machine)
            show(row, result)
            failed += [f"{row.name}, {where(late)}"] if result.ours.failures else []
            if record:
                kept = results.read() | {(row.name, late): result}
                results.write(kept)
                PAGE.write_text(page(ROWS, kept), encoding="utf-8")
                PLOT.write_text(plot(ROWS, kept), encoding="utf-8")
    if failed:
        raise Exit(f"Our side failed in: {'; '.join(failed)}.", code=1)


def show(row: Row, result: results.Result) -> None:
    """Print a row's table and goals, and why a side failed."""
    console.result_table(
        (f"{row.title}, {where(result.delay)}", *HEADS[1:]), [cells(side, result) for side in result.sides]
    )
    for text in goals(row, result):
        sys.stdout.write(f"{text.replace('**', '')}\n")
    for side in result.sides:
        for failure in side.failures[:1]:
            tell(f"{side.name} failed:\n{last_lines(failure)}")
    sys.stdout.flush()


def last_lines(text: str, count: int = 12) -> str:
    """Return the end of what a program wrote."""
    return "\n".join(text.strip().splitlines()[-count:])


def tell(text: str) -> None:
    """Write a line in passing."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def ready() -> tuple[dict[str, str], str]:
    """Bring what the rows need; returns the environment and the clients' folder. Raises Exit without an engine."""
    environ = bench_environment()
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        raise Exit('No Docker engine answers. Start one: eval "$(script/engine start)"', code=3)
    compile_package()
    check([str(ROOT / "script" / "base-image"), BASE.partition("/")[2].partition(":")[0]], ROOT, environ)
    clients = ""
    with contextlib.suppress(SystemExit):  # no Debian: then those that are on PATH
        clients = check([str(ROOT / "script" / "clients")], ROOT, environ).strip()
    return environ, clients


def versions(environ: dict[str, str], clients: str) -> dict[str, str]:
    """Return the versions of the programs that are compared; empty for one that isn't there."""
    path = f"{environ['PATH']}{os.pathsep}{clients}"
    asked = {
        "Docker": "docker version --format '{{.Server.Version}}'",
        "buildx": "docker buildx version | cut -d' ' -f2",
        "aws CLI": f"{AWS} --version 2>&1 | sed 's/^aws-cli.//; s/ .*//'",
        "crane": "crane version",
        "skopeo": "skopeo --version | sed 's/.* //'",
        "regctl": "regctl version --format '{{.VCSTag}}'",
    }
    found = {}
    for name, script in asked.items():
        command = f"command -v {script.split()[0]} >/dev/null && {script}"
        answer = subprocess.run(
            ["sh", "-c", command], env={**environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        # Debian's crane says that it doesn't know.
        found[name] = answer.stdout.strip() if re.match(r"v?\d", answer.stdout) else ""
    return found
