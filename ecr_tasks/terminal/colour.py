"""Whether a stream gets colours, how wide it is, and which colour has which meaning.

The colours are the terminal's own first eight, whose theme makes them legible on its background, dark or light.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TextIO

from ecr_tasks.terminal.text import Meaning, Styled

_SGR: Mapping[Meaning, str] = {
    "good": "32",
    "warning": "33",
    "bad": "1;31",
    "add": "32",
    "remove": "31",
    "id": "36",
    "strong": "1",
    "dim": "2",
}
"""Parameters of "select graphic rendition" (ECMA-48, 8.3.117)."""

_NO = ("0", "false", "no", "off")
_DEFAULT_WIDTH = 80


class _State:
    calm = False


def stay_calm() -> None:
    """Treat every terminal as a pipe from now on: in a CI nobody looks, although some give their steps a terminal."""
    _State.calm = True


def is_terminal(stream: TextIO | None, environ: Mapping[str, str] | None = None) -> bool:
    """Return whether a person looks at a stream on a terminal that can do more than write lines.

    Without TERM that isn't known, as git sees it too; Windows has none.
    """
    environ = os.environ if environ is None else environ
    dumb = environ.get("TERM", "" if os.name == "posix" else "windows") in ("", "dumb")
    return not _State.calm and stream is not None and _isatty(stream) and not dumb


def has_colour(stream: TextIO | None, environ: Mapping[str, str] | None = None) -> bool:
    """Return whether a stream gets colours.

    NO_COLOR (no-color.org) goes before FORCE_COLOR (force-color.org), whose 0 means no, too; CLICOLOR_FORCE and
    CLICOLOR (bixense.com/clicolors) come next, and then whether it is a terminal.
    """
    environ = os.environ if environ is None else environ
    if stream is None or environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if value := environ.get(name):
            return value.lower() not in _NO
    return environ.get("CLICOLOR", "1") != "0" and is_terminal(stream, environ)


def width_of(stream: TextIO | None, environ: Mapping[str, str] | None = None) -> int:
    """Return a terminal's width in characters: that of COLUMNS, or what the terminal says, or 80."""
    environ = os.environ if environ is None else environ
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:6]) > 0:
        return int(columns[:6])
    try:
        return (os.get_terminal_size(stream.fileno()).columns if stream else 0) or _DEFAULT_WIDTH
    except (OSError, ValueError):
        return _DEFAULT_WIDTH


def coloured(parts: Iterable[Styled]) -> str:
    """Return the text of the parts, each in the colour of its meaning."""
    return "".join(_coloured(part) for part in parts)


def _coloured(part: Styled) -> str:
    return f"\x1b[{_SGR[part.meaning]}m{part.text}\x1b[0m" if part.meaning and part.text else part.text


def _isatty(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False
