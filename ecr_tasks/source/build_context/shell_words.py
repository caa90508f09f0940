"""The words of a Dockerfile's line, and the variables in them. Pure functions.

The rules are those of BuildKit's shell lexer (frontend/dockerfile/shell/lex.go of moby/buildkit).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ecr_tasks.source.build_context.unknown import Unknown

_NAME = r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]"
_SPACE = " \t\r\n\v\f"

_MAX_WORK = 20_000_000
_MAX_DEPTH = 50
_MAX_VALUE = 1_000_000


class Allowance:
    """The work, in characters, that the expressions of one build may cost: thirty lines can double a value each."""

    def __init__(self, work: int = _MAX_WORK) -> None:
        self.work = work

    def spend(self, work: int) -> None:
        """Take off some work. Raises Unknown when nothing is left."""
        self.work -= work
        if self.work < 0:
            raise Unknown("the variables in the Dockerfile grow too large to be worked out")


def split(line: str, escape: str) -> list[str]:
    """Split a line into words at white space outside quotes. The words keep their quotes and escapes."""
    words: list[str] = []
    word, quote, escaped = "", "", False
    for character in line:
        if not quote and not escaped and character in _SPACE:
            if word:
                words.append(word)
            word = ""
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


def expand(word: str, variables: Mapping[str, str], escape: str, allowance: Allowance | None = None) -> str:
    """Return a word without its quotes and with the values of its variables; an unset variable is empty.

    Raises Unknown for malformed expressions, for quotes in a pattern (``${X#'…'}``), and for expressions that are
    nested too deeply, grow too large or cost more than the allowance.
    """
    return _Expansion(word, variables, escape, allowance or Allowance()).run()


class _Expansion:
    def __init__(self, word: str, variables: Mapping[str, str], escape: str, allowance: Allowance) -> None:
        self.text, self.variables, self.escape = word, variables, escape
        self.allowance = allowance
        self.position = self.depth = 0

    def run(self, stop: str = "", *, is_pattern: bool = False) -> str:
        """Expand the text to its end, or to ``stop`` and go past it. In quotes, ``stop`` is the closing quote.

        A pattern keeps its escapes.
        """
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self._error()
        expanded = self._run(stop, is_pattern=is_pattern)
        self.depth -= 1
        self.allowance.spend(len(expanded) + 1)
        return expanded

    def _run(self, stop: str, *, is_pattern: bool) -> str:
        expanded, is_quoted = "", stop == '"'
        while self.position < len(self.text):
            character = self._next()
            if character == stop:
                return expanded
            following = self.text[self.position : self.position + 1]
            if character == "$":
                expanded += self._variable()
                if len(expanded) > _MAX_VALUE:
                    raise self._error()
            elif character == self.escape and (not is_quoted or following in ('"', "$", self.escape)):
                expanded += (character if is_pattern else "") + self._next()
            elif is_pattern and character in "'\"":
                raise self._error()
            elif is_quoted or character not in "'\"":
                expanded += character
            else:
                expanded += self.run(character) if character == '"' else self._literal()
        if stop:
            raise self._error()
        return expanded

    def _next(self) -> str:
        self.position += 1
        return self.text[self.position - 1 : self.position]

    def _literal(self) -> str:
        """Return the text up to the next single quote."""
        start, end = self.position, self.text.find("'", self.position)
        if end < 0:
            raise self._error()
        self.position = end + 1
        return self.text[start:end]

    def _variable(self) -> str:
        is_braced = self.text.startswith("{", self.position)
        name = re.compile(_NAME).match(self.text, self.position + is_braced)
        if name is None:
            if is_braced:
                raise self._error()
            return "$"
        self.position = name.end()
        value = self.variables.get(name.group())
        if not is_braced:
            return value or ""
        # ``${NAME`` is followed by ``}``, ``-word}``, ``:+word}`` and so on.
        operator = self._next()
        if operator == "}":
            return value or ""
        if operator == ":":
            operator = self._next()
            value = value or None  # with a colon, an empty value counts as unset
        elif operator in ("#", "%", "/"):
            return self._cut_or_replaced(value or "", operator)
        if operator not in ("-", "+", "?"):
            raise self._error()
        alternative = self.run(stop="}")
        if operator == "+":
            return alternative if value is not None else ""
        if operator == "?" and value is None:
            raise self._error()
        return alternative if value is None else value

    def _cut_or_replaced(self, value: str, operator: str) -> str:
        """Return a value without a pattern at its begin (#) or end (%), or with another text in its place (/).

        With a doubled operator the pattern matches as much as it can, or everywhere.
        """
        is_doubled = self.text.startswith(operator, self.position)
        self.position += is_doubled
        stop = "/" if operator == "/" else "}"
        shell_pattern = self.run(stop, is_pattern=True)
        # re tries each start of the value, if it may, with each length of each star.
        loops = shell_pattern.count("*") + (operator != "#")
        self.allowance.spend((len(value) + 1) ** min(loops, 10) + len(shell_pattern))
        pattern = _regexp(shell_pattern, self.escape, greedy=is_doubled or operator == "/")
        if operator == "/":
            replacement = self.run("}")
            return re.sub(pattern, lambda match: replacement, value, count=0 if is_doubled else 1, flags=re.DOTALL)
        if operator == "#":
            match = re.match(pattern, value, re.DOTALL)
            return value[match.end() :] if match else value
        starts = range(len(value) + 1) if is_doubled else range(len(value), -1, -1)
        matches = (start for start in starts if re.fullmatch(pattern, value[start:], re.DOTALL))
        return value[: next(matches, len(value))]

    def _error(self) -> Unknown:
        return Unknown(f"{self.text[:80]} in the Dockerfile can't be worked out")


def _regexp(pattern: str, escape: str, *, greedy: bool) -> str:
    """Return a shell pattern as a regular expression: only ``*``, ``?`` and the escape are special."""
    special = {"*": ".*" if greedy else ".*?", "?": "."}
    words = re.findall(rf"{re.escape(escape)}.|.", pattern, re.DOTALL)
    return "".join(special.get(word) or re.escape(word[-1]) for word in words)
