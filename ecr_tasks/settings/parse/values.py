"""Parsers of common values: texts, words, files, booleans and choices."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.lists import split_plain

Word = TypeVar("Word", bound=str)

_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")


def text(text: str) -> str:
    """Return any text, without the spaces and line breaks that CI systems add around it."""
    return text.strip()


def web_address(text: str) -> str:
    """Parse the address of an API: ``http://`` or ``https://``, a host and perhaps a port."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a bracket that is never closed, a port over 65535
        fits = False
    if not fits or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise Malformed("must be an address such as https://host or http://127.0.0.1:4510")
    return text


def verbatim_text(text: str) -> str:
    """Return any text unchanged. A line break at its end must stay: it marks a list with one entry on each line."""
    return text


def file(text: str) -> Path | None:
    """Parse a file's path, relative to the project; None when it is empty."""
    return Path(text.strip()) if text.strip() else None


def files(text: str) -> tuple[Path, ...]:
    """Parse files' paths, relative to the project: one a line, or with commas between them."""
    return tuple(Path(entry) for entry in split_plain(text))


def word(text: str) -> str:
    """Parse a name: one word without ``-`` at its beginning, so that no command takes it for a flag."""
    text = text.strip()
    if re.search(r"\s", text) or text.startswith("-"):
        raise Malformed(f"must be one word that doesn't begin with -, not {text!r}")
    return text


def change_number(text: str) -> str | None:
    """Parse the number of a proposed change; ``true`` is one without a number, and null (of a script) is none."""
    text = text.strip()
    if text.lower() in (*_FALSE, "", "null", "none", "undefined"):
        return None
    if text.lower() == "true":
        return "true"
    if not re.fullmatch(r"[1-9][0-9]{0,18}", text):
        raise Malformed(f"must be the number of a change, or true for one without a number, not {text!r}")
    return text


def minutes(text: str) -> int:
    """Parse a number of minutes, at most ten weeks."""
    if not re.fullmatch(r"[0-9]{1,5}", text.strip()):
        raise Malformed(f"must be a number of minutes, not {text.strip()!r}")
    return int(text)


def rate(text: str) -> int:
    """Parse a number of calls a second, at least one."""
    if not re.fullmatch(r"0*[1-9][0-9]{0,4}", text.strip()):
        raise Malformed(f"must be a number of calls a second, such as 50, not {text.strip()[:80]!r}")
    return int(text)


def commits(text: str) -> int | None:
    """Parse a number of commits, or all, which is None."""
    text = text.strip().lower()
    if text != "all" and not re.fullmatch(r"[0-9]{1,5}", text):
        raise Malformed(f"must be a number of commits or all, not {text!r}")
    return None if text == "all" else int(text)


def patterns(text: str) -> tuple[str, ...]:
    """Parse patterns of files, with commas or line breaks between them."""
    return split_plain(text)


def boolean(text: str) -> bool:
    """Parse true/false, 1/0, yes/no or on/off, in upper or lower case."""
    lowered = text.strip().lower()
    if lowered not in _TRUE + _FALSE:
        raise Malformed(f"must be true or false, not {text.strip()!r}")
    return lowered in _TRUE


def choice(*words: Word) -> Callable[[str], Word]:
    """Return a parser that accepts only these words, in upper or lower case."""

    def parse(text: str) -> Word:
        for word in words:
            if word == text.strip().lower():
                return word
        raise Malformed(f"must be {', '.join(words[:-1])} or {words[-1]}, not {text.strip()!r}")

    return parse
