"""Texts as each CI's commands and files want them, whatever a branch, a tag or an error holds. Pure."""

from __future__ import annotations

import re
import shlex

_BARE = re.compile(r"[A-Za-z0-9_./:@,+-]*", re.ASCII)
"""What no shell and no dotenv parser reads as anything else."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """A text on one line: each run of control characters and line ends becomes a space."""
    return _CONTROL.sub(" ", text)


def github_data(text: str) -> str:
    """The message of a workflow command (actions/toolkit, command.ts, escapeData)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str) -> str:
    """The value of a workflow command's property (the same file, escapeProperty)."""
    return github_data(text).replace(":", "%3A").replace(",", "%2C")


def azure_data(text: str) -> str:
    """The message of a logging command (azure-pipelines-task-lib, taskcommand.ts, escapedata)."""
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def azure_property(text: str) -> str:
    """The value of a logging command's property (the same file, escape)."""
    return azure_data(text).replace("]", "%5D").replace(";", "%3B")


def teamcity(text: str) -> str:
    """The value of a service message's attribute (TeamCity, Service Messages, Escaped Values)."""
    return "".join(_TEAMCITY.get(char) or _teamcity_unicode(char) for char in text)


_TEAMCITY = {"|": "||", "'": "|'", "[": "|[", "]": "|]", "\n": "|n", "\r": "|r"}


def _teamcity_unicode(char: str) -> str:
    if " " <= char <= "~":
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"|0x{units[at]:02X}{units[at + 1]:02X}" for at in range(0, len(units), 2))


def dotenv(text: str) -> str:
    """The right side of ``KEY=value`` on one line: bare if it can be, else quoted as a shell would.

    GitLab takes quotes for a part of the value, so what pipelines rely on (references, tags) must be bare: it
    always is, by the rules for tags and repositories.
    """
    text = one_line(text)
    return text if _BARE.fullmatch(text) else shlex.quote(text)


def properties(text: str) -> str:
    """A value of a Java properties file (java.util.Properties, store): Latin letters, one line."""
    escaped = []
    for char in text:
        if char == "\\":
            escaped.append("\\\\")
        elif " " <= char <= "~":
            escaped.append(char)
        else:
            units = char.encode("utf-16-be", "surrogatepass")
            escaped += [f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)]
    joined = "".join(escaped)
    return "\\" + joined if joined.startswith(" ") else joined


def markdown(text: str) -> str:
    """Text for Markdown, in a table's cell too: what could mean something becomes a character reference."""
    return "".join(char if char.isalnum() or char in " .,;/()+-" else f"&#{ord(char)};" for char in one_line(text))


def code(text: str) -> str:
    """A piece of code for Markdown, in a table's cell too."""
    text = one_line(text)
    if text and _BARE.fullmatch(text):
        return f"`{text}`"
    return f"<code>{markdown(text)}</code>"


_ERASE = "\r\x1b[0K"
"""Takes the mark away from before the eyes of whoever reads the raw log."""


def slug(title: str) -> str:
    """A section's name: letters, digits and underscores."""
    return "ecr_tasks_" + re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
