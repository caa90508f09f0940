"""One pattern of a .dockerignore: its syntax check, and what it matches.

The rules are those of moby/patternmatcher (patternmatcher.go), which BuildKit and buildx use, quirks included:
the syntax is checked as Go's ``filepath.Match`` has it, but what matches is a regular expression made from the
pattern, in which ``|``, ``{``, ``}`` and ``^`` are not escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ecr_tasks.source.build_context.go_regexp import compile_go

_ESCAPED = frozenset(".+()$")
"""What patternmatcher escapes. Its table has 64 bits, so ``{``, ``|`` and ``}`` fall out of it."""

Matcher = Callable[[str], bool]


def check(pattern: str) -> None:
    """Raises ValueError where ``filepath.Match`` gives ErrBadPattern: such a build fails."""
    chars = iter(pattern)
    for char in chars:
        if char == "\\":
            _escaped(chars)
        elif char == "[":
            _check_class(chars)


def _check_class(chars: Iterator[str]) -> None:
    char = _one(chars)
    if char == "^":
        char = _one(chars)
    while True:
        char = _bound(char, chars)
        if char == "-":
            char = _bound(_one(chars), chars)
        if char == "]":
            return


def _bound(char: str, chars: Iterator[str]) -> str:
    """Reads one end of a range and gives the character after it."""
    if char in "-]":
        raise ValueError("a class has no member where it needs one")
    if char == "\\":
        _escaped(chars)
    return _one(chars)


def _one(chars: Iterator[str]) -> str:
    char = next(chars, None)
    if char is None:
        raise ValueError("a class is not closed")
    return char


def _escaped(chars: Iterator[str]) -> str:
    char = next(chars, None)
    if char is None:
        raise ValueError("it ends with a backslash")
    return char


def matcher(pattern: str) -> Matcher:
    """What a checked and cleaned pattern matches: a function of a path with slashes.

    ValueError when the pattern makes no regular expression that Go would take.
    """
    plain = _without_wildcards(pattern)
    if plain is not None:
        return plain
    expression = compile_go(_expression(pattern))
    return lambda path: expression.search(path) is not None


def _without_wildcards(pattern: str) -> Matcher | None:
    """The matcher of a pattern with no wildcard but ``**`` at one of its ends; None for any other."""
    middle = pattern.removeprefix("**")
    if not re.search(r"[*?\\[\]]", middle):
        if middle == pattern:
            return lambda path: path == pattern
        return lambda path: path.endswith(middle) or (middle.startswith("/") and path == middle[1:])
    middle = pattern.removesuffix("**")
    if middle != pattern and not re.search(r"[*?\\[\]]", middle):
        return lambda path: path.startswith(middle)
    return None


def _expression(pattern: str) -> str:
    parts = ["^"]
    rest = pattern
    while rest:
        char, rest = rest[0], rest[1:]
        if char == "*" and rest.startswith("*"):
            rest = rest[1:].removeprefix("/")
            # any number of folders, none included; at the end, all that is left
            parts.append("(.*/)?" if rest else ".*")
        elif char == "*":
            parts.append("[^/]*")
        elif char == "?":
            parts.append("[^/]")
        elif char == "\\":
            parts.append(char + rest[:1])
            rest = rest[1:]
        else:
            parts.append(f"\\{char}" if char in _ESCAPED else char)
    return "".join([*parts, "$"])
