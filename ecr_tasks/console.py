"""Printing: messages for people on stderr, data on stdout. No other module prints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any


def say(text: str) -> None:
    """Print a line for people, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is the one place that prints for people


def warn(text: str) -> None:
    """Print a warning, on stderr; the run goes on."""
    say(f"Warning: {text}")


def agrees(question: str) -> bool:
    """Ask a yes-or-no question and return whether the answer is yes; without a terminal it is no."""
    if not sys.stdin.isatty():
        warn("There is no terminal to ask on.")
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201 - as above
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        say("")  # Ctrl-D ended the input without a line break
    return answer.strip().lower() in ("y", "yes")


def data(text: str) -> None:
    """Print a line of data, on stdout. A reader that has closed the pipe (`| head`) is no error."""
    try:
        print(text, flush=True)  # noqa: T201 - this is the one place that prints data
    except BrokenPipeError:
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, sys.stdout.fileno())  # else Python fails again when it flushes stdout at exit
        os.close(null_device)


def document(value: Any) -> None:
    """Print a JSON document, on stdout."""
    data(json.dumps(value, indent=2, default=str))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for people; only the last column is not padded."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    widths[-1] = 0
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())


def human_size(size: int) -> str:
    """Return a number of bytes in the decimal units that docker shows."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"
