"""One pattern of a .dockerignore: its syntax, and which paths it matches.

The rules are those of moby/patternmatcher (patternmatcher.go), which BuildKit and buildx use: the syntax is checked
as Go's ``filepath.Match`` has it, but what matches is a regular expression of Go's that is made from the pattern, in
which ``|``, ``{2}`` and ``^`` keep their meaning. Python's ``re`` reads most of it alike. Where it may not (a class
with more in it than letters, digits and ranges; a backslash before a letter), the matcher says that it doesn't know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Matcher = Callable[[str], "bool | None"]
"""Whether a pattern matches a path with slashes; None where that is unknown."""

_MEMBER = r"(?:[^\\\]-]|\\.)"
_TOKEN = re.compile(
    rf"""
      (?P<folders>\*\*/?) | (?P<star>\*) | (?P<mark>\?)
    | (?P<class>\[(?:\^|(?!\^))(?:{_MEMBER}(?:-{_MEMBER})?)+\])
    | \\(?P<escaped>.)
    | (?P<operator>\||\^|\{{(?:0|[1-9][0-9]*)(?:,(?:0|[1-9][0-9]*)?)?\}})
    | (?P<literal>[^\\\[])
    """,
    re.VERBOSE | re.DOTALL,
)
"""What a pattern consists of: classes as ``filepath.Match`` has them, repetitions as Go's regular expressions do
(https://pkg.go.dev/regexp/syntax)."""

_PLAIN_CLASS = re.compile(r"\[\^?(?:\w-\w|\w)+\]")
"""A class that means the same to Go and to Python."""

_WILDCARD = re.compile(r"[*?\\[\]]")


class _NotUnderstood(Exception):
    """A part of a pattern may mean one thing to Go and another to Python."""


def matcher(pattern: str) -> Matcher:
    """Return the function that tells which paths a cleaned pattern matches.

    Raises ValueError where ``filepath.Match`` gives ErrBadPattern, on which a build fails. What fails a build only as
    a regular expression (``*{2}``) is not understood.
    """
    plain = _without_wildcards(pattern)
    if plain is not None:
        return plain
    tokens = list(_tokens(pattern))
    try:
        expression = re.compile(rf"(?:\A){''.join(map(_translated, tokens))}\Z")
    except (_NotUnderstood, re.error, OverflowError):
        return lambda path: None
    return lambda path: expression.search(path) is not None


def _without_wildcards(pattern: str) -> Matcher | None:
    """Return the matcher of a pattern with no wildcard but ``**`` at one of its ends; None for any other."""
    middle = pattern.removeprefix("**")
    if not _WILDCARD.search(middle):
        if middle == pattern:
            return lambda path: path == pattern
        return lambda path: path.endswith(middle) or (middle.startswith("/") and path == middle[1:])
    middle = pattern.removesuffix("**")
    if middle != pattern and not _WILDCARD.search(middle):
        return lambda path: path.startswith(middle)
    return None


def _tokens(pattern: str) -> Iterator[re.Match[str]]:
    """Split a pattern into its tokens. Raises ValueError where it is malformed."""
    position = 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None:
            backslash = pattern[position:] == "\\"
            raise ValueError("it ends with a backslash" if backslash else "a class is empty or not closed")
        yield token
        position = token.end()


def _translated(token: re.Match[str]) -> str:
    """Return one token as a part of a Python expression. Raises _NotUnderstood where that may be another one."""
    kind, text = token.lastgroup, token[token.lastgroup or 0]
    if kind == "folders":  # any number of folders, none included; at the end, all that is left
        return ".*" if token.end() == len(token.string) else "(?:.*/)?"
    if kind == "star":
        return "[^/]*"
    if kind == "mark":
        return "[^/]"
    if kind == "operator":
        return r"(?:\A)" if text == "^" else text
    if kind == "class":
        if not _PLAIN_CLASS.fullmatch(text):
            raise _NotUnderstood
        return text
    if kind == "escaped" and (text.isalnum() or not text.isascii()):  # \d and the like
        raise _NotUnderstood
    return re.escape(text)
