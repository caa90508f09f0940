"""The actions that an adapter returns, as data: append, write, print, start a program."""

from __future__ import annotations

from dataclasses import dataclass, field


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
