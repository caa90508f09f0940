"""Regular expressions of ``type=match`` and ``match=``: the part of JavaScript's syntax that Python's ``re`` shares.

Patterns are written for docker/metadata-action (ECMA-262, RegExp). In a text of one line, such as a git tag, a
pattern matches the same as in JavaScript, or it is refused with the name of the construct that differs.
One difference is not detected: Python keeps what a group matched in an earlier round of a repetition, and JavaScript
clears it.
"""

from __future__ import annotations

import re
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ecr_tasks.tags.syntax import RuleError

_FLAGS = {"i": re.IGNORECASE, "s": re.DOTALL}
_FLAGS_WITHOUT_EFFECT = "dgu"
"""Flags that don't change how a pattern is compiled: ``match`` handles ``g``; ``d`` and ``u`` change no match in a
git tag."""

_ESCAPE = r"(?s)\\(?:u\{|.)"
_SAME_ESCAPES = "dDwWbtnrvfxu"
"""The letters and digits that mean the same after a backslash; Python itself refuses an incomplete x or u."""

_CONSTRUCT = (
    r"(?s)(?P<refused>\[\^?\]|\(\?(?!:|<?[=!])(?:P?<\w*>|.?)|\{,[0-9]*\}|(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\+)"
    r"|(?P<class>\[(?:\\.|[^\]\\])+(?:\]|\\?\Z))|(?P<end>\$)|\\.|."
)


SECONDS = 2.0
"""The processor's time that a rule may take for all git tags; for 100,000 it needs one second."""


class UnsupportedPattern(Exception):
    """The pattern is wrong or has a construct that differs in Python; the message names it."""


class Regexp:
    """One pattern with its flags."""

    def __init__(self, source: str, flags: str = "") -> None:
        """Compile a pattern. Raises UnsupportedPattern."""
        for flag in flags:
            if flag not in (*_FLAGS, *_FLAGS_WITHOUT_EFFECT) or flags.count(flag) > 1:
                raise UnsupportedPattern(f"it has the flag {flag!r}; it can have each of d, g, i, s and u once")
        if "i" in flags and not source.isascii():
            raise UnsupportedPattern("it has the flag 'i' with letters that are not ASCII")
        self._is_global = "g" in flags
        options = re.ASCII
        for flag in flags:
            options |= _FLAGS.get(flag, re.ASCII)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", FutureWarning)
                self._compiled = re.compile(_to_python(source), options)
        except (re.error, FutureWarning, OverflowError, RecursionError, ValueError) as error:
            raise UnsupportedPattern(f"{source!r} is not a regular expression that can be used: {error}") from error
        self._source = source

    @property
    def groups(self) -> int:
        """The number of groups in the pattern."""
        return self._compiled.groups

    @classmethod
    def parse(cls, text: str) -> Regexp:
        """Read ``/source/flags`` or a bare source. Raises UnsupportedPattern."""
        delimited = re.fullmatch(r"(?s)/(.+)/(.*)", text)
        return cls(delimited[1], delimited[2]) if delimited else cls(text)

    def match(self, text: str) -> list[str | None] | None:
        """Return the same as JavaScript's ``String.match``: the match and its groups; with ``g``, every match."""
        match = self._compiled.search(text)
        if match is None or not self._is_global:
            return None if match is None else [match[0], *match.groups()]
        matches: list[str | None] = []
        while match is not None:
            matches.append(match[0])
            position = match.end() + (not match[0])
            match = self._compiled.search(text, position) if position <= len(text) else None
        return matches

    def split(self, text: str, group: int) -> tuple[str, str, str] | None:
        """Return the text before a group of the match, the group's, and the text after it; None without them.

        None with the flag ``g`` as well, whose matches have no groups.
        """
        match = None if self._is_global else self._compiled.search(text)
        if match is None or group > self.groups or match[group] is None:
            return None
        return text[: match.start(group)], match[group], text[match.end(group) :]

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Raise RuleError when matching takes too long; the time of ``(a+)+$`` doubles with each letter.

        The limit is on the processor's time, to which it makes no difference whether the machine is busy. Only the
        main thread can be interrupted.
        """

        def interrupt(number: int, frame: FrameType | None) -> None:
            raise RuleError(
                f"has the pattern {self._source!r}, which takes too long for git's refs here: repeat no group that "
                "itself repeats the same, as (a+)+ does"
            )

        try:
            handler = signal.signal(signal.SIGVTALRM, interrupt)
        except (ValueError, AttributeError):  # another thread, another system
            yield
            return
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, handler)


def _to_python(source: str) -> str:
    """Return the same pattern for ``re.compile`` with ``re.ASCII``: only ``$`` becomes ``\\Z``."""
    for match in re.finditer(_ESCAPE, source):
        character = match[0][1]
        differs = character.isascii() and character.isalnum() and character not in _SAME_ESCAPES
        if differs or match[0] == r"\u{":
            raise _unsupported(match[0])
    parts = []
    for match in re.finditer(_CONSTRUCT, source):
        if match["refused"]:
            raise _unsupported(match[0])
        parts.append(r"\Z" if match["end"] else match[0])
    return "".join(parts)


def _unsupported(construct: str) -> UnsupportedPattern:
    return UnsupportedPattern(f"it has {construct}, which Python reads otherwise or not at all: write it without")
