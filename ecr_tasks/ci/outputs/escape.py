"""Escape texts, such as the names of branches and the messages of errors, for files, Markdown and log lines."""

from __future__ import annotations

import re
import shlex
import struct

from ecr_tasks.one_line import one_line

_SAFE = re.compile(r"[A-Za-z0-9_./:@,+-]*", re.ASCII)
"""A text that needs no quotes in any shell or dotenv file."""


def dotenv(text: str) -> str:
    """Return the text as the value in ``KEY=value``: on one line, and in a shell's quotes only where it needs them.

    GitLab takes quotes as a part of the value. References and tags never contain characters that need quotes.
    """
    text = one_line(text)
    return text if _SAFE.fullmatch(text) else shlex.quote(text)


def properties(text: str) -> str:
    """Return the text as a value of a Java properties file (java.util.Properties, store): ASCII, on one line."""
    escaped = printable_ascii(text.replace("\\", "\\\\"), "\\u{:04x}")
    return "\\" + escaped if escaped.startswith(" ") else escaped


def printable_ascii(text: str, escape_format: str) -> str:
    """Return the text with all characters except printable ASCII escaped, each UTF-16 unit in a format.

    ``escape_format`` is such as ``\\u{:04x}``.
    """

    def escape(match: re.Match[str]) -> str:
        units = match[0].encode("utf-16-be", "surrogatepass")
        return "".join(escape_format.format(unit) for unit in struct.unpack(f">{len(units) // 2}H", units))

    return re.sub("[^ -~]", escape, text)


def markdown(text: str) -> str:
    """Return the text for Markdown and its tables; characters that could be markup become character references."""
    return "".join(char if char.isalnum() or char in " .,;/()+-" else f"&#{ord(char)};" for char in one_line(text))


def code(text: str) -> str:
    """Return the text as inline code for Markdown and its tables."""
    text = one_line(text)
    if text and _SAFE.fullmatch(text):
        return f"`{text}`"
    return f"<code>{markdown(text)}</code>"


ERASE_LINE = "\r\x1b[0K"
"""The terminal sequence that hides a section's marker in the log: go to the line's beginning, erase the line."""


def section_name(title: str) -> str:
    """Return the title as the name of a log section: lower-case letters, digits and underscores."""
    return "ecr_tasks_" + re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
