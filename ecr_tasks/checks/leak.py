"""A file whose secrets would leak, and the error that says how to prevent it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ecr_tasks.checks.allowed_secrets import described, short_path
from ecr_tasks.errors import Refused
from ecr_tasks.files import resolved
from ecr_tasks.frozen import dataclass

_SHOWN = 20
"""The highest number of files that a refusal names."""


@dataclass(frozen=True)
class Leak:
    """A file with secrets, one way in which they would leak, and the line that prevents it."""

    path: Path
    why: Literal["tracked", "in-context"]
    names: tuple[tuple[str, int], ...]
    """The keys' names or what they are, each with its line."""
    ignore_file: Path
    ignore_line: str
    """The line to append to ``ignore_file``, a .gitignore or the build's .dockerignore."""


class LeakedKeys(Refused):
    """The error for files with secrets; ``leaks`` have the lines that prevent each."""

    def __init__(self, cause: str, remedy: str, leaks: Sequence[Leak]) -> None:
        super().__init__(cause, remedy)
        self.leaks = tuple(leaks)


def refusal(leaks: Sequence[Leak], entries: Sequence[str] = ()) -> LeakedKeys:
    """Return the error for at least one leak: it names files, names and lines, never a value.

    ``entries`` are those of ECR_ALLOW_KEYS_IN that would let the files through.
    """
    paths = list(dict.fromkeys(leak.path for leak in leaks))
    shown = [leak for leak in leaks if leak.path in paths[:_SHOWN]]
    causes = [_cause(path, [leak for leak in shown if leak.path == path]) for path in paths[:_SHOWN]]
    if others := len(paths) - _SHOWN:
        causes += [f"so do {others} other files" if others > 1 else "so does another file"] if others > 0 else []
    remedy = "; ".join(dict.fromkeys(_remedy(leak) for leak in shown))
    named = f" ({entries[0]})" if entries and len(paths) == 1 else ""
    remedy += (
        f"; or name {'the file' if len(paths) == 1 else 'those files'} in ECR_ALLOW_KEYS_IN{named} if the keys open "
        "nothing"
    )
    return LeakedKeys(f"{'; '.join(causes)}.", f"{remedy[0].upper()}{remedy[1:]}.", leaks)


def _cause(path: Path, leaks: Sequence[Leak]) -> str:
    keys = [described(name, line) for name, line in leaks[0].names]
    reasons = {"tracked": "git tracks it", "in-context": "the build context would carry it into the image"}
    return f"{short_path(path)} holds {_joined(keys)}, and {_joined([reasons[leak.why] for leak in leaks])}"


def _remedy(leak: Leak) -> str:
    ignore_file = resolved(leak.ignore_file.parent) / leak.ignore_file.name
    add = f"add the line {leak.ignore_line} to {short_path(ignore_file)}"
    if leak.why == "in-context":
        return add
    untrack = f"git rm --cached -- {shlex.quote(short_path(leak.path))}"
    return f"{add}, run `{untrack}`, and replace the keys, because git's history keeps them"


def _joined(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
