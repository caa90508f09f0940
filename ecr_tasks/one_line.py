"""Texts from outside (names of files and branches, other programs' errors) on one line that is no CI's command."""

from __future__ import annotations

import re

# Line ends, control characters, and the characters that change the direction of a text.
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+"
_TERMINAL = r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B])"

# GitHub reads `::command` at the beginning of a line, Buildkite `---`, `+++`, `~~~` and `^^^`; GitHub, Azure and
# TeamCity read `##[`, `##vso[` and `##teamcity[` anywhere in one (actions/runner, ActionCommand.cs; Azure's
# agent, Command.cs; buildkite/terminal-to-html). The markers of GitLab and Travis have control characters.
_AT_START = r"^(\s*)([:+~^-])(?=\2)"
_ANYWHERE = r"#(?=#\w*\[)"


def one_line(text: str) -> str:
    """Return the text on one line: each run of control characters and line ends becomes a space."""
    return re.sub(_CONTROL, " ", re.sub(_TERMINAL, "", text))


def is_unicode(text: str) -> bool:
    """Return whether a text has no half a character, as Python reads a byte of a variable that is no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shortened(text: str, most: int = 4_000) -> str:
    """Return the text without the middle of a long one: what a program prints may have any length."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def without_commands(line: str) -> str:
    """Return a line in which a CI's command has a space inside, so that the CI shows it and does nothing."""
    return re.sub(_ANYWHERE, "# ", re.sub(_AT_START, r"\1\2 ", line))
