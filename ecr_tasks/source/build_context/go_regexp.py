"""Go's regular expressions as Python's, for the part of them that a .dockerignore pattern can become.

BuildKit turns a pattern into a Go regular expression almost as it stands, so that ``[[:alpha:]]``, ``\\d`` or
``{2}`` in a file name pattern mean what they mean to Go (https://pkg.go.dev/regexp/syntax). The two languages
differ in their classes, escapes and anchors; those are spelled out here, one character range at a time.
"""

from __future__ import annotations

import re
import string
import sys

Range = tuple[int, int]

_PERL: dict[str, list[Range]] = {
    "d": [(48, 57)],
    "s": [(9, 10), (12, 13), (32, 32)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
}
_POSIX: dict[str, list[Range]] = {
    "alnum": [(48, 57), (65, 90), (97, 122)],
    "alpha": [(65, 90), (97, 122)],
    "ascii": [(0, 127)],
    "blank": [(9, 9), (32, 32)],
    "cntrl": [(0, 31), (127, 127)],
    "digit": [(48, 57)],
    "graph": [(33, 126)],
    "lower": [(97, 122)],
    "print": [(32, 126)],
    "punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "space": [(9, 13), (32, 32)],
    "upper": [(65, 90)],
    "word": _PERL["w"],
    "xdigit": [(48, 57), (65, 70), (97, 102)],
}
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_ANCHORS = {"A": r"\A", "z": r"\Z", "b": r"(?a:\b)", "B": r"(?a:\B)"}

_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(?:(,)(0|[1-9][0-9]*)?)?\}")
_MAX_REPEAT = 1000

_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_HEX = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})")
_NAMED = re.compile(r"\[:(\^?)(.*?):\]", re.DOTALL)


def compile_go(expression: str) -> re.Pattern[str]:
    """The pattern to ``search`` with; ValueError when Go would not take it, or for a ``\\p`` or ``\\Q``."""
    try:
        return re.compile(_Translator(expression).translate())
    except re.error as error:
        raise ValueError(str(error)) from error


class _Translator:
    """One pass over a Go expression, left to right."""

    def __init__(self, expression: str) -> None:
        self.rest = expression

    def translate(self) -> str:
        parts = []
        while self.rest:
            parts.append(self._next())
        return "".join(parts)

    def _take(self, length: int = 1) -> str:
        if len(self.rest) < length:
            raise ValueError("it ends too early")
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def _next(self) -> str:
        repeat = _REPEAT.match(self.rest)
        if repeat:
            self._take(repeat.end())
            if any(int(bound) > _MAX_REPEAT for bound in repeat.group(1, 3) if bound):
                raise ValueError("it repeats too often")
            return repeat.group()
        char = self._take()
        if char == "[":
            return self._char_class()
        if char == "\\":
            return self._escape()
        if char == "^":
            return r"(?:\A)"  # in a group, since Go lets an anchor be repeated
        if char == "$":
            return r"\Z"
        return char if char in ".*?()|" else re.escape(char)

    def _escape(self) -> str:
        if self.rest[:1] in _ANCHORS:
            return _ANCHORS[self._take()]
        return _spell(self._perl_class() or [self._escaped_char()])

    def _perl_class(self) -> list[Range] | None:
        """``\\d`` and its like, after the backslash."""
        name = self.rest[:1]
        if not name or name.lower() not in _PERL:
            return None
        self._take()
        ranges = _PERL[name.lower()]
        return ranges if name.islower() else _others(ranges)

    def _escaped_char(self) -> Range:
        """A single character, after the backslash."""
        octal, hexadecimal = _OCTAL.match(self.rest), _HEX.match(self.rest)
        if octal:
            code = int(self._take(octal.end()), 8)
        elif hexadecimal:
            self._take(hexadecimal.end())
            code = int(hexadecimal[1] or hexadecimal[2], 16)
        else:
            char = self._take()
            if char in _CONTROLS:
                code = _CONTROLS[char]
            elif char.isascii() and not char.isalnum():
                code = ord(char)
            else:
                raise ValueError(f"\\{char} is not understood")
        if code > sys.maxunicode:
            raise ValueError("there is no such character")
        return code, code

    def _char_class(self) -> str:
        """A class, after its opening bracket; a closing bracket that comes first is one of its members."""
        negated = self.rest.startswith("^")
        if negated:
            self._take()
        ranges: list[Range] = []
        while not ranges or not self.rest.startswith("]"):
            ranges += self._members()
        self._take()
        return _spell(ranges, negated)

    def _members(self) -> list[Range]:
        named = _NAMED.match(self.rest)
        if named:
            self._take(named.end())
            if named[2] not in _POSIX:
                raise ValueError(f"there is no class {named.group()}")
            return _others(_POSIX[named[2]]) if named[1] else _POSIX[named[2]]
        if self.rest.startswith("\\"):
            after, self.rest = self.rest, self.rest[1:]
            ranges = self._perl_class()
            if ranges:
                return ranges
            self.rest = after
        low = self._class_char()
        if len(self.rest) < 2 or self.rest[0] != "-" or self.rest[1] == "]":
            return [(low, low)]
        self._take()
        high = self._class_char()
        if high < low:
            raise ValueError("a range runs backwards")
        return [(low, high)]

    def _class_char(self) -> int:
        char = self._take()
        return self._escaped_char()[0] if char == "\\" else ord(char)


def _others(ranges: list[Range]) -> list[Range]:
    """The characters that are in none of the ranges, which are sorted and apart."""
    starts = [0, *(high + 1 for _, high in ranges)]
    ends = [*(low - 1 for low, _ in ranges), sys.maxunicode]
    return [(low, high) for low, high in zip(starts, ends, strict=True) if low <= high]


def _spell(ranges: list[Range], negated: bool = False) -> str:
    members = "".join(f"{_char(low)}-{_char(high)}" for low, high in ranges)
    return f"[{'^' if negated else ''}{members}]"


def _char(code: int) -> str:
    char = chr(code)
    return char if char in string.ascii_letters + string.digits else f"\\U{code:08x}"
