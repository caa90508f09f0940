"""A Dockerfile's words: split as BuildKit's shell lexer does it, and their variables filled in. Pure.

``frontend/dockerfile/shell/lex.go`` of moby/buildkit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ecr_tasks.source.build_context.unknown import Unknown

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_SPACE = " \t\r\n\v\f"


def split(line: str, escape: str) -> list[str]:
    """The words of a line, quotes and escapes left in them; white space in quotes splits nothing."""
    words: list[str] = []
    word, quote, escaped = "", "", False
    for character in line:
        if not quote and not escaped and character in _SPACE:
            words, word = ([*words, word] if word else words), ""
            continue
        word += character
        if escaped:
            escaped = False
        elif character == escape and quote != "'":
            escaped = True
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
    return [*words, word] if word else words


def expand(word: str, variables: Mapping[str, str], escape: str) -> str:
    """A word with its quotes taken off and its variables filled in; what is not set is empty.

    Raises Unknown for what only newer frontends know (``${X#…}``, ``${X/…}``) and for what fails a build.
    """
    return _Expansion(word, variables, escape).run()


class _Expansion:
    def __init__(self, word: str, variables: Mapping[str, str], escape: str) -> None:
        self.text, self.variables, self.escape = word, variables, escape
        self.at = 0

    def run(self, stop: str = "") -> str:
        """Up to the end, or to ``stop``, which is passed over."""
        found = ""
        while self.at < len(self.text):
            character = self._next()
            if character == stop:
                return found
            if character == "'":
                found += self._literal()
            elif character == '"':
                found += self._quoted()
            elif character == self.escape:
                found += self._next()
            elif character == "$":
                found += self._variable()
            else:
                found += character
        if stop:
            raise self._error()
        return found

    def _next(self) -> str:
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def _literal(self) -> str:
        end = self.text.find("'", self.at)
        if end < 0:
            raise self._error()
        found, self.at = self.text[self.at : end], end + 1
        return found

    def _quoted(self) -> str:
        found = ""
        while self.at < len(self.text):
            character = self._next()
            if character == '"':
                return found
            if character == "$":
                found += self._variable()
            elif character == self.escape and self.text[self.at : self.at + 1] in ('"', "$", self.escape):
                found += self._next()
            else:
                found += character
        raise self._error()

    def _variable(self) -> str:
        if self.text[self.at : self.at + 1] != "{":
            name = _NAME.match(self.text, self.at)
            if name is None:
                return "$"
            self.at = name.end()
            return self.variables.get(name.group(), "")
        name = _NAME.match(self.text, self.at + 1)
        if name is None:
            raise self._error()
        self.at = name.end()
        return self._braced(name.group())

    def _braced(self, name: str) -> str:
        """``}``, ``-word}``, ``:+word}`` and so on, behind ``${NAME``."""
        operator = self._next()
        value = self.variables.get(name)
        if operator == "}":
            return value or ""
        if operator == ":":
            operator = self._next()
            value = value or None  # with a colon, an empty value is as good as none
        if operator not in ("-", "+", "?"):
            raise self._error()
        other = self.run(stop="}")
        if operator == "+":
            return other if value is not None else ""
        if operator == "-":
            return other if value is None else value
        if value is None:
            raise self._error()
        return value

    def _error(self) -> Unknown:
        return Unknown(f"{self.text[:80]} in the Dockerfile can't be worked out")
