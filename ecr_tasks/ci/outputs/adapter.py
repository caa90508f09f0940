"""The interface that each CI system's ``outputs.py`` implements, and the actions that it returns, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ecr_tasks.ci.outputs.model import Outputs


@dataclass(frozen=True)
class Append:
    """Append to a file of the CI's; with a limit, the file is never longer than that many bytes."""

    path: str
    text: str
    limit: int | None = None


@dataclass(frozen=True)
class Write:
    """Write, or overwrite, the file of that name in ``.ecr-tasks/``."""

    name: str
    text: str


@dataclass(frozen=True)
class Print:
    """Print on stderr, which the CI reads as well as stdout; stdout is for data."""

    text: str


@dataclass(frozen=True)
class PrintSecret:
    """Print a command that contains a secret, if only the CI reads stderr."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class Start:
    """Start the CI's own program, if it is on the PATH, with a text on its stdin."""

    arguments: tuple[str, ...]
    stdin: str = field(repr=False)


Action = Append | Write | Print | PrintSecret | Start


class Adapter:
    """What one CI system takes from us. This class is for a CI that takes files only, and for no CI.

    The methods are pure: they return the actions that ``perform`` carries out, or a line to print on stderr.
    ``environ`` is the process environment, ``folder`` the project's ``.ecr-tasks/``.
    """

    def outputs(self, outputs: Outputs, environ: Mapping[str, str], folder: Path) -> Sequence[Action]:
        """Return the actions that pass on values and summary, in addition to the files that every CI gets."""
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

    def mask(self, secret: str) -> Sequence[Action]:
        """Return the actions that have the CI hide one line of text in its log."""
        return ()


FILES_ONLY = Adapter()
