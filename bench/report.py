"""Shows results: as a table on the terminal, as docs/performance.md, and as the plot beside it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from bench.measure import Measured
from bench.results import Result, is_first, verdict
from bench.rows.row import Row

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PLOT = DOCS / "performance.md", DOCS / "performance.svg"
HEADS = (
    "way",
    "median",
    "lowest to highest",
    "ours / it",
    "CPU",
    "docker, buildx, git",
    "API calls",
    "requests",
    "round trips",
    "peak",
)
INTRODUCTION = """\
All sides of a row ran in turn, another one first each time, on one local ECR, each when the machine was idle: an
engine tidies up for a second after some commands. A ratio is of the medians. Each side has files of its own, so
that none finds in a cache what another has built. Where the answers come late, each answer
of the registry and of the API is held back for that long, as a network would. *CPU* is the clients', without the
engine's; *docker, buildx, git* are the programs that were started, *API calls* those of ECR and STS, *requests*
those to the registry's own API, *round trips* the answers that had to be waited for one after another. *peak* is
the largest process, *load* how busy the machine was with other things before."""
LEFT, WIDTH, BAR, RIGHT = 430, 460, 16, 90
COLOURS = {0: "#2f6f9f", 1: "#d08a2e"}
LEAST, MOST = 0.02, 30.0


def cells(side: Measured, result: Result) -> list[str]:
    """Return a side's cells, as in ``HEADS``."""
    median, ratio, traffic = side.median, result.ratio(side), side.traffic
    failed = f"failed {len(side.failures)} times" if side.failures else ""
    times = f"{seconds(min(side.seconds))} to {seconds(max(side.seconds))}" if side.seconds else ""
    return [
        side.name,
        failed if median is None else f"{seconds(median)} s" + (f" ({failed})" if side.failures else ""),
        times,
        "" if side is result.ours or ratio is None else f"{ratio:.2f}",
        f"{seconds(statistics.median(side.cpu))} s" if side.cpu else "",
        ", ".join(str(side.started.get(name, 0)) for name in ("docker", "buildx", "git")) if side.started else "",
        "" if traffic is None else str(traffic.calls),
        "" if traffic is None else str(traffic.requests),
        "" if traffic is None or not result.delay else str(traffic.waves),
        f"{side.megabytes:.0f} MB",
    ]


def seconds(value: float) -> str:
    """Return seconds with three digits that count: 0.241, 2.41, 24.1, 241."""
    return f"{value:.{max(0, 2 - max(-1, math.floor(math.log10(max(value, 1e-3)))))}f}"


def goals(row: Row, result: Result) -> list[str]:
    """Return each goal of the row that counts for this result, and whether it is met."""
    words = {True: "met", False: "**not met**", None: "can't be told here"}
    texts = (verdict(goal, result) for goal in row.goals)
    return [f"{text}: {words[met]}" for text, met in texts if text]


def where(delay: int) -> str:
    """Return in words whether answers came late."""
    return f"every answer {delay} ms late" if delay else "no delay"


def page(rows: Sequence[Row], results: Mapping[tuple[str, int], Result]) -> str:
    """Return docs/performance.md."""
    shown = [(row, kept) for row in rows if (kept := _of(row, results))]
    dates = sorted({result.date for _, kept in shown for result in kept})
    machines = list(dict.fromkeys(result.machine for _, kept in shown for result in kept))
    parts = [
        "# Performance",
        "",
        f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))} by the benchmark of a checkout (bench/), on:",
        "",
        *(f"- {machine}" for machine in machines),
        "",
        INTRODUCTION,
        "",
        f"![Our time as a share of each other way's]({PLOT.name})",
        "",
    ]
    for row, kept in shown:
        parts += [f"## {row.title}", "", " ".join((_documentation(row)).split()), ""]
        for result in kept:
            parts += [
                f"{where(result.delay).capitalize()}, {result.date}, {_runs(result.runs)}, load {result.load:.1f}:",
                "",
            ]
            parts += _table([HEADS, *(cells(side, result) for side in result.sides)])
            parts += ["", *(f"- {text}" for text in goals(row, result)), ""]
        if row.note:
            parts += [row.note, ""]
    behind = [(row, result) for row, kept in shown for result in kept if not is_first(result)]
    parts += ["## Where we are not first", ""]
    parts += [_behind(row, result) for row, result in behind] or ["Nowhere in these rows."]
    text = "\n".join(parts).rstrip()
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text + "\n"


def _documentation(row: Row) -> str:
    make = getattr(row.make, "func", row.make)
    return (make.__doc__ or "").replace("``count``", "Some").replace("``changes``", "some")


def _runs(count: int) -> str:
    return "one run" if count == 1 else f"{count} runs"


def _of(row: Row, results: Mapping[tuple[str, int], Result]) -> list[Result]:
    return [result for (name, _), result in sorted(results.items()) if name == row.name]


def _behind(row: Row, result: Result) -> str:
    slower = [
        f"{ratio:.2f} of {side.name}" for side in result.sides[1:] if (ratio := result.ratio(side)) and ratio > 1.05
    ]
    failed = [f"failed {len(result.ours.failures)} times"] if result.ours.failures else []
    return f"- {row.title}, {where(result.delay)}: {', '.join(failed + slower)}."


def _table(lines: Iterable[Sequence[str]]) -> list[str]:
    made = [f"| {' | '.join(line)} |" for line in lines]
    return [made[0], "|---" * len(HEADS) + "|", *made[1:]]


def plot(rows: Sequence[Row], results: Mapping[tuple[str, int], Result]) -> str:
    """Return an SVG of our time as a share of each other way's, with and without delay, on a logarithmic scale."""
    drawn: list[str] = []
    y = 50
    for row in rows:
        kept = _of(row, results)
        others = list(dict.fromkeys(side.name for result in kept for side in result.sides[1:]))
        if not others:
            continue
        drawn.append(f'<text x="12" y="{y + 14}" font-weight="bold">{escape(row.title.replace("`", ""))}</text>')
        y += 22
        for other in others:
            drawn.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(other)}</text>')
            for result in kept:
                side = next(side for side in result.sides if side.name == other)
                drawn.append(_bar(y, result.ratio(side), bool(result.delay)))
                y += BAR + 2
            y += 4
        y += 6
    lines = [_tick(value, y) for value in (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20)]
    width = LEFT + WIDTH + RIGHT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y + 10}"',
            ' font-family="sans-serif" font-size="13">',
            "<title>Our time as a share of each other way's; left of the line at 1 we are faster</title>",
            f'<rect width="{width}" height="{y + 10}" fill="#fff"/>',
            f'<rect x="12" y="10" width="12" height="12" fill="{COLOURS[0]}"/><text x="30" y="21">no delay</text>',
            f'<rect x="110" y="10" width="12" height="12" fill="{COLOURS[1]}"/>',
            '<text x="128" y="21">answers late</text>',
            *lines,
            *drawn,
            "</svg>",
            "",
        ]
    )


def _x(ratio: float) -> float:
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + WIDTH * share


def _bar(y: int, ratio: float | None, is_late: bool) -> str:
    if ratio is None:
        return f'<text x="{LEFT + 4}" y="{y + 13}" fill="#555">no run that didn\'t fail</text>'
    end = _x(ratio)
    rect = f'<rect x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" fill="{COLOURS[is_late]}"/>'
    return f'{rect}<text x="{end + 5:.1f}" y="{y + 13}">{ratio:.2f}</text>'


def _tick(value: float, bottom: int) -> str:
    x, colour = _x(value), "#333" if value == 1 else "#ddd"
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="44" y2="{bottom}" stroke="{colour}"/>'
    return f'{line}<text x="{x:.1f}" y="40" text-anchor="middle" fill="#555">{value:g}</text>'
