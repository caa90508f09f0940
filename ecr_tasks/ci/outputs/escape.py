"""Escape texts, such as the names of branches and the messages of errors, for files, Markdown and log lines."""

from __future__ import annotations

import re
import shlex
import struct

_BARE = re.compile(r"[A-Za-z0-9_./:@,+-]*", re.ASCII)
"""A text that every shell and every parser of dotenv files takes literally."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return the text on one line: each run of control characters and line ends becomes a space."""
    return _CONTROL.sub(" ", text)


def dotenv(text: str) -> str:
    """Return the right side of ``KEY=value`` on one line, quoted for a shell only where it must be.

    GitLab takes quotes for a part of the value. References and tags never need quotes, by the rules for their names.
    """
    text = one_line(text)
    return text if _BARE.fullmatch(text) else shlex.quote(text)


def properties(text: str) -> str:
    """Return the text as a value of a Java properties file (java.util.Properties, store): ASCII, on one line."""
    escaped = printable_ascii(text.replace("\\", "\\\\"), "\\u{:04x}")
    return "\\" + escaped if escaped.startswith(" ") else escaped


def printable_ascii(text: str, form: str) -> str:
    """Return the text; other characters than printable ASCII are their UTF-16 units in this form: ``\\u{:04x}``."""

    def escape(match: re.Match[str]) -> str:
        units = match[0].encode("utf-16-be", "surrogatepass")
        return "".join(form.format(unit) for unit in struct.unpack(f">{len(units) // 2}H", units))

    return re.sub("[^ -~]", escape, text)


def markdown(text: str) -> str:
    """Return the text for Markdown and its tables, with a character reference for all that could be markup."""
    return "".join(char if char.isalnum() or char in " .,;/()+-" else f"&#{ord(char)};" for char in one_line(text))


def code(text: str) -> str:
    """Return the text as inline code for Markdown and its tables."""
    text = one_line(text)
    if text and _BARE.fullmatch(text):
        return f"`{text}`"
    return f"<code>{markdown(text)}</code>"


ERASE_LINE = "\r\x1b[0K"
"""Erases a mark in the log on a terminal: return to the line's beginning, erase to its end."""


def section_name(title: str) -> str:
    """Return the title as the name of a log section: lower-case letters, digits and underscores."""
    return "ecr_tasks_" + re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
