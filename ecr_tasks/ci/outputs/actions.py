"""What an adapter asks for, as data: lines to append, files to write, lines to print, programs to start."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Append:
    """Appends to a file of the CI's; with a limit, the file is never longer than that many bytes."""

    path: str
    text: str
    limit: int | None = None


@dataclass(frozen=True)
class Write:
    """Writes a file of that name in ``.ecr-tasks/``, over an older one."""

    name: str
    text: str


@dataclass(frozen=True)
class Print:
    """Prints on stderr, which the CI reads as well as stdout; stdout stays data."""

    text: str


@dataclass(frozen=True)
class PrintSecret:
    """Prints a command with a secret in it, where nobody but the CI can be reading."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class Start:
    """Starts the CI's own program, if it is there, with a text on its stdin."""

    arguments: tuple[str, ...]
    stdin: str = field(repr=False)


Action = Append | Write | Print | PrintSecret | Start
