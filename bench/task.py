"""`inv bench`: every row of docs/performance.md, side by side. Only this checkout's tasks.py has it."""

from __future__ import annotations

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

DELAY = 80


@task(
    iterable=["row"],
    help={
        "row": "only these rows, by their names (repeatable, wildcards)",
        "runs": "timed runs of each side; rows that take long have fewer",
        "delay": "milliseconds by which answers come late in the second half",
        "rows": "name the rows and end",
        "record": "write docs/performance.md and its plot",
    },
)
def bench(
    c: Context,
    row: list[str] | None = None,
    runs: int = 7,
    delay: int = DELAY,
    rows: bool = False,
    record: bool = True,
) -> None:
    """Measure every row of docs/performance.md, side by side.

    Each row runs on a local ECR of its own, first without a delay and then with one, against the other ways to do
    the same: the console's commands, plain buildx and bake, and of crane, skopeo and regctl those that are there.
    The table goes to stdout; the results are kept in bench/results.json, and docs/performance.md and its plot are
    written from all that are kept. An engine is needed (script/engine). All rows take an hour, in which the machine
    should do nothing else.
    """
    from bench.run import run_rows  # `inv --list` must not wait for it

    del c
    if runs < 1 or delay < 0:
        raise Exit("--runs is a number from 1, --delay one from 0.", code=2)
    run_rows(row or [], runs=runs, delay=delay, only_names=rows, record=record)
