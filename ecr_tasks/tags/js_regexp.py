"""JavaScript's regular expressions (ECMA-262, RegExp) in Python's, for ``type=match`` and ``match=``.

What is written the same and means another thing is rewritten: ``$``, ``\\d`` and its like, ``[^]``, named groups,
unknown escapes. What Python hasn't is an error: ``\\p{…}``, look-behinds of no fixed width.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

_DELIMITED = re.compile(r"/(.+)/(.*)", re.DOTALL)
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_ESCAPE = re.compile(
    r"\\(?:c[A-Za-z]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]+\}|k<\w+>|[1-9][0-9]*|.)", re.DOTALL
)
_REPETITION = re.compile(r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??")
_PLAIN = {"$": r"\Z", "{": r"\{", "}": r"\}", "]": r"\]"}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "v": "\v", "f": "\f", "0": "\0"}
_SPACE = r"\s\ufeff"


class NotTranslatable(Exception):
    """The expression is wrong, or Python can't have it; the message says which part."""


class Regexp:
    """One expression with its flags."""

    def __init__(self, source: str, flags: str = "") -> None:
        """Raises NotTranslatable."""
        if set(flags) - set("dgimsuy") or len(set(flags)) != len(flags):
            raise NotTranslatable(f"{flags!r} are not a regular expression's flags")
        self._all = "g" in flags
        self._sticky = "y" in flags
        python = "".join(_translated(source, multiline="m" in flags))
        options = re.NOFLAG if hasattr(re, "NOFLAG") else re.RegexFlag(0)
        for flag in flags:
            options |= _FLAGS.get(flag, options)
        # ASCII would narrow \s as well; \d and \w are spelt out instead.
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                self._compiled = re.compile(python, options)
        except (re.error, OverflowError, RecursionError) as error:
            raise NotTranslatable(f"{source!r} is not a regular expression that can be used: {error}") from error

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return self._compiled.groups

    @classmethod
    def parse(cls, text: str) -> Regexp:
        """From ``/source/flags`` or a bare source."""
        delimited = _DELIMITED.fullmatch(text)
        return cls(delimited[1], delimited[2]) if delimited else cls(text)

    def match(self, text: str) -> list[str | None] | None:
        """What ``String.match`` gives: the whole match and its groups; with ``g``, every whole match."""
        if self._all and self._sticky:
            return list(self._adjoining(text)) or None
        if self._all:
            return [match[0] for match in self._compiled.finditer(text)] or None
        match = self._compiled.match(text) if self._sticky else self._compiled.search(text)
        return None if match is None else [match[0], *match.groups()]

    def _adjoining(self, text: str) -> Iterator[str]:
        position = 0
        while position <= len(text) and (match := self._compiled.match(text, position)):
            yield match[0]
            position = max(match.end(), position + 1)


def _translated(source: str, *, multiline: bool) -> Iterator[str]:
    position = 0
    while position < len(source):
        character = source[position]
        repetition = _REPETITION.match(source, position)
        if repetition is not None:
            position = repetition.end()
            if _REPETITION.match(source, position):
                raise NotTranslatable(f"{source!r} repeats a repetition at position {position + 1}")
            yield repetition[0]
            continue
        if character == "\\":
            piece, position = _escape(source, position, in_class=False)
        elif character == "[":
            piece, position = _class(source, position)
        elif source.startswith("(?", position):
            piece, position = _group(source, position)
        else:
            piece, position = _PLAIN.get(character, character), position + 1
            piece = "$" if multiline and character == "$" else piece
        yield piece


def _group(source: str, position: int) -> tuple[str, int]:
    for opening in ("(?:", "(?=", "(?!", "(?<=", "(?<!"):
        if source.startswith(opening, position):
            return opening, position + len(opening)
    named = re.compile(r"\(\?<([A-Za-z_]\w*)>", re.ASCII).match(source, position)
    if named is None:
        raise NotTranslatable(
            f"{source!r} has a group of a kind that JavaScript doesn't know: {source[position:][:6]}"
        )
    return f"(?P<{named[1]}>", named.end()


def _class(source: str, position: int) -> tuple[str, int]:
    start = position
    position += 1
    negated = source.startswith("^", position)
    position += negated
    found: list[str] = []
    while position < len(source) and source[position] != "]":
        if source[position] == "\\":
            piece, position = _escape(source, position, in_class=True)
        else:
            piece, position = re.escape(source[position]) if source[position] != "-" else "-", position + 1
        found.append(piece)
    if position >= len(source):
        raise NotTranslatable(f"{source!r} has a [ without ] at position {start + 1}")
    if not found:
        return (r"[\s\S]" if negated else r"(?!)"), position + 1
    return f"[{'^' if negated else ''}{''.join(found)}]", position + 1


def _escape(source: str, position: int, *, in_class: bool) -> tuple[str, int]:
    match = _ESCAPE.match(source, position)
    if match is None:
        raise NotTranslatable(f"{source!r} ends with a backslash")
    body = match[0][1:]
    return _escaped(source, body, in_class=in_class), match.end()


def _escaped(source: str, body: str, *, in_class: bool) -> str:
    shorthand = {"d": "0-9", "w": "A-Za-z0-9_", "s": _SPACE}
    if body in shorthand:
        return shorthand[body] if in_class else f"[{shorthand[body]}]"
    if body in ("D", "W", "S"):
        if in_class:
            return {"D": r"\D", "W": r"\W", "S": r"\S"}[body]
        return f"[^{shorthand[body.lower()]}]"
    if body in ("b", "B") and not in_class:
        inside, outside = "(?<![A-Za-z0-9_])(?=[A-Za-z0-9_])", "(?<=[A-Za-z0-9_])(?![A-Za-z0-9_])"
        edge = f"(?:{inside}|{outside})"
        return edge if body == "b" else f"(?!{edge})"
    if body == "b":
        return r"\x08"
    if body in _CONTROLS:
        return re.escape(_CONTROLS[body])
    if body[0] == "c" and len(body) == 2:
        return re.escape(chr(ord(body[1]) % 32))
    if body[0] in "xu" and len(body) > 1:
        return re.escape(chr(int(body[1:].strip("{}"), 16)))
    if body.startswith("k<"):
        return f"(?P={body[2:-1]})"
    if body in ("p", "P"):
        raise NotTranslatable(f"{source!r} has \\{body}, which isn't supported: write the characters out")
    if body[0].isdecimal() and not in_class:
        return f"(?:\\{body})"
    return re.escape(body)
