"""The interface of each CI system's ``outputs.py``, and the actions that its methods return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Literal

from ecr_tasks.ci.outputs.model import Outputs
from ecr_tasks.frozen import dataclass


@dataclass(frozen=True)
class Append:
    """Append a text to a file of the CI system; ``limit`` is the maximal size of the file in bytes."""

    path: str
    text: str
    limit: int | None = None


@dataclass(frozen=True)
class Write:
    """Write the file of that name in ``.ecr-tasks/``; an existing one is overwritten."""

    name: str
    text: str


@dataclass(frozen=True)
class Print:
    """Print a text on stderr, which the CI system reads like stdout; stdout is reserved for data."""

    text: str


@dataclass(frozen=True)
class Start:
    """Start the CI system's own program with a text on its stdin, if the program is on the PATH."""

    arguments: tuple[str, ...]
    stdin: str = field(repr=False)


Action = Append | Write | Print | Start


@dataclass(frozen=True)
class Annotation:
    """A remark that a CI system shows beside the run; ``file`` is relative to the checkout, None for no file."""

    level: Literal["error", "warning"]
    title: str
    text: str
    file: str | None = None


MOST_ANNOTATIONS = 10
"""GitHub shows ten errors and ten warnings of a step (GitHub Docs, "Workflow commands")."""


class Adapter:
    """Makes the outputs for one CI system. This base class is for systems that take only files, and outside CI.

    The methods have no side effects: they return actions for ``perform``, or a line to print on stderr.
    ``environ`` is the process environment, ``folder`` the project's ``.ecr-tasks/``.
    """

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        """Return the actions that hand over values and summary, in addition to the files that every run writes."""
        return ()

    def group_start(self, title: str, now: float) -> str | None:
        """Return the line that begins a group of the log; ``now`` is in seconds since 1970."""
        return None

    def group_end(self, title: str, now: float) -> str | None:
        """Return the line that ends the group."""
        return None

    def error(self, cause: str, remedy: str, environ: Mapping[str, str]) -> Sequence[Action]:
        """Return the actions that show an error where the CI shows errors."""
        return ()

    def annotations(self, items: Sequence[Annotation], environ: Mapping[str, str]) -> Sequence[Action]:
        """Return the actions that show remarks where the CI shows them; it may show the first of them only."""
        return ()

    def section(self, markdown: str, file: Path, environ: Mapping[str, str]) -> Sequence[Action]:
        """Return the actions that add Markdown, which a file has as well, to the summary that the CI shows."""
        return ()

    def mask(self, secret: str) -> Sequence[Action]:
        """Return the actions that make the CI system hide one line of text in its log.

        A command on stderr would be none of them: it contains the secret, and nobody can tell whether a pipe leads to
        the CI or into a log that somebody keeps.
        """
        return ()


FILES_ONLY = Adapter()
