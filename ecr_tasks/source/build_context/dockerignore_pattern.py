"""One pattern of a .dockerignore: its syntax, and which paths it matches.

The rules are those of moby/patternmatcher (patternmatcher.go), which BuildKit and buildx use. It checks the syntax
with Go's ``filepath.Match``, but matches with a regular expression that it makes from the pattern. So ``|``, ``{2}``
and ``^`` have the meaning that they have in Go's regular expressions. Python's ``re`` reads most of them in the same
way. Where it may not (a class that contains more than letters, digits and ranges; a backslash before a letter), the
matcher returns None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Matcher = Callable[[str], "bool | None"]
"""A function that returns whether a pattern matches a path with slashes; None where that is unknown."""

_MEMBER = r"(?:[^\\\]-]|\\.)"
_TOKEN = re.compile(
    rf"""
      (?P<folders>\*\*/?) | (?P<star>\*) | (?P<question_mark>\?)
    | (?P<class>\[(?:\^|(?!\^))(?:{_MEMBER}(?:-{_MEMBER})?)+\])
    | \\(?P<escaped>.)
    | (?P<operator>\||\^|\{{(?:0|[1-9][0-9]*)(?:,(?:0|[1-9][0-9]*)?)?\}})
    | (?P<character>[^\\\[])
    """,
    re.VERBOSE | re.DOTALL,
)
"""The tokens of a pattern: classes in the syntax of ``filepath.Match``, repetitions in that of Go's regular
expressions (https://pkg.go.dev/regexp/syntax)."""

_PLAIN_CLASS = re.compile(r"\[\^?(?:\w-\w|\w)+\]")
"""A class that means the same to Go and to Python."""

_WILDCARD = re.compile(r"[*?\\[\]]")


class _Ambiguous(Exception):
    """A token may mean something else in Python than in Go."""


def matcher(pattern: str) -> Matcher:
    """Return the matcher of a cleaned pattern.

    Raises ValueError where ``filepath.Match`` returns ErrBadPattern, which fails a build. For a pattern that fails a
    build only as a regular expression (``*{2}``), the matcher returns None.
    """
    simple_matcher = _simple_matcher(pattern)
    if simple_matcher is not None:
        return simple_matcher
    tokens = list(_tokens(pattern))
    try:
        expression = re.compile(rf"(?:\A){''.join(map(_to_python, tokens))}\Z")
    except (_Ambiguous, re.error, OverflowError):
        return lambda path: None
    return lambda path: expression.search(path) is not None


def _simple_matcher(pattern: str) -> Matcher | None:
    """Return the matcher of a pattern without wildcards except ``**`` at its beginning or end; None for others."""
    literal = pattern.removeprefix("**")
    if not _WILDCARD.search(literal):
        if literal == pattern:
            return lambda path: path == pattern
        return lambda path: path.endswith(literal) or (literal.startswith("/") and path == literal[1:])
    literal = pattern.removesuffix("**")
    if literal != pattern and not _WILDCARD.search(literal):
        return lambda path: path.startswith(literal)
    return None


def _tokens(pattern: str) -> Iterator[re.Match[str]]:
    """Split a pattern into its tokens. Raises ValueError where it is malformed."""
    position = 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None:
            ends_with_backslash = pattern[position:] == "\\"
            raise ValueError("it ends with a backslash" if ends_with_backslash else "a class is empty or not closed")
        yield token
        position = token.end()


def _to_python(token: re.Match[str]) -> str:
    """Return one token as a part of a Python expression. Raises _Ambiguous where it may have another meaning."""
    kind, text = token.lastgroup, token[token.lastgroup or 0]
    if kind == "folders":  # zero or more folders; at the pattern's end, the rest of the path
        return ".*" if token.end() == len(token.string) else "(?:.*/)?"
    if kind == "star":
        return "[^/]*"
    if kind == "question_mark":
        return "[^/]"
    if kind == "operator":
        return r"(?:\A)" if text == "^" else text
    if kind == "class":
        if not _PLAIN_CLASS.fullmatch(text):
            raise _Ambiguous
        return text
    if kind == "escaped" and (text.isalnum() or not text.isascii()):  # \d and the like
        raise _Ambiguous
    return re.escape(text)
