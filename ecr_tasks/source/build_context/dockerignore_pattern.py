"""One pattern of a .dockerignore: its syntax, and which paths it matches.

The rules are those of moby/patternmatcher (patternmatcher.go), which BuildKit and buildx use. It checks the syntax
with Go's ``filepath.Match``, but matches with a regular expression that it makes from the pattern. So ``|``, ``{2}``
and ``^`` have the meaning that they have in Go's regular expressions. Python's ``re`` reads most of them in the same
way. Where it may not (a class that contains more than letters, digits and ranges; a backslash before a letter), the
matcher returns None. ``re`` matches only what it can't take long for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from ecr_tasks.source.build_context.linear_match import MAX_TOKENS, LinearMatch, Token

Matcher = Callable[[str], "bool | None"]
"""A function that returns whether a pattern matches a path with slashes; None where that is unknown."""

_MEMBER = r"(?:[^\\\]-]|\\.)"
_TOKEN = rf"""(?xs)
      (?P<folders>\*\*/?) | (?P<star>\*) | (?P<question_mark>\?)
    | (?P<class>\[(?:\^|(?!\^))(?:{_MEMBER}(?:-{_MEMBER})?)+\])
    | \\(?P<escaped>.)
    | (?P<operator>\||\^|\{{(?:0|[1-9][0-9]*)(?:,(?:0|[1-9][0-9]*)?)?\}})
    | (?P<character>[^\\\[])
    """
"""The tokens of a pattern: classes in the syntax of ``filepath.Match``, repetitions in that of Go's regular
expressions (https://pkg.go.dev/regexp/syntax)."""

_PLAIN_CLASS = r"\[\^?(?:\w-\w|\w)+\]"
"""A class that means the same to Go and to Python."""

_WILDCARD = r"[*?\\[\]]"


class _Ambiguous(Exception):
    """A token may mean something else in Python than in Go."""


_LONG_PATH = 300
_MAX_WILDCARDS = 2
"""``re`` tries at most all pairs of places in a path that is not long."""

_MAX_REPETITIONS = 1000
"""Go's highest number in braces."""


def matcher(pattern: str) -> Matcher:
    """Return the matcher of a cleaned pattern, which takes time proportional to the path's length.

    Raises ValueError where ``filepath.Match`` returns ErrBadPattern, which fails a build. For a pattern that fails a
    build only as a regular expression (``*{2}``), and for one of more than 10,000 tokens, the matcher returns None.
    """
    simple_matcher = _simple_matcher(pattern)
    if simple_matcher is not None:
        return simple_matcher
    tokens = list(_tokens(pattern))
    try:
        linear = _linear(tokens)
        expression = re.compile(rf"(?:\A){''.join(map(_to_python, tokens))}\Z")
    except (_Ambiguous, re.error, OverflowError):
        return _unknown
    wildcards = sum(
        token.lastgroup in ("folders", "star") or (token.lastgroup == "operator" and token[0] != "^")
        for token in tokens
    )

    def matches(path: str) -> bool:
        if wildcards <= _MAX_WILDCARDS and len(path) <= _LONG_PATH:
            return expression.search(path) is not None
        return any(alternative.matches(path) for alternative in linear)

    return matches


def _unknown(path: str) -> None:
    """Match any path or none: it isn't known which."""


def possible_match(patterns: Mapping[str, Matcher], depth: int) -> Callable[[str], bool]:
    """Return a quick test of paths with ``depth`` slashes: False if certainly none of the patterns matches.

    ``patterns`` are cleaned, each with its matcher. The test only looks for a text that every path that a pattern
    matches has at its end, at its beginning or inside.
    """
    ends: list[str] = []
    begins: list[str] = []
    insides: list[str] = []
    for pattern, matches in patterns.items():
        tokens = list(_tokens(pattern))
        kinds = {token.lastgroup for token in tokens}
        if "operator" in kinds or matches is _unknown:
            return lambda path: True
        if not kinds & {"folders", "class"} and sum(token[0] in ("/", "\\/") for token in tokens) != depth:
            continue
        literals = [""]
        for token in tokens:
            if token.lastgroup in ("character", "escaped"):
                literals[-1] += token[token.lastgroup]
            else:
                literals.append("")
        if not any(literals):
            return lambda path: True
        if literals[-1]:
            ends.append(literals[-1])
        elif literals[0]:
            begins.append(literals[0])
        else:
            insides.append(max(literals, key=len))
    end, begin = tuple(ends), tuple(begins)
    if not insides:
        return lambda path: path.endswith(end) or path.startswith(begin)
    inside = re.compile("|".join(map(re.escape, insides)))
    return lambda path: path.endswith(end) or path.startswith(begin) or inside.search(path) is not None


def _linear(tokens: Sequence[re.Match[str]]) -> list[LinearMatch]:
    """Return a pattern's alternatives: only the first one is tied to a path's beginning, only the last to its end.

    Raises _Ambiguous for a repetition of nothing or of a wildcard, or if there are too many tokens.
    """
    alternatives = [[Token("begin")]]
    repeatable: Token | None = alternatives[0][0]
    for token in tokens:
        if token[0] == "|":
            alternatives.append([])
            repeatable = None
        elif token.lastgroup == "operator" and token[0] != "^":
            if repeatable is None:
                raise _Ambiguous
            alternatives[-1][-1:] = _repeated(repeatable, token[0])
            repeatable = None
        else:
            repeatable = _to_token(token)
            alternatives[-1].append(repeatable)
            repeatable = repeatable if repeatable.kind in ("one", "begin") else None
        if sum(map(len, alternatives)) > MAX_TOKENS:
            raise _Ambiguous
    last = len(alternatives) - 1
    return [LinearMatch(alternative, to_end=number == last) for number, alternative in enumerate(alternatives)]


def _repeated(token: Token, braces: str) -> list[Token]:
    """Return a token that ``{2}``, ``{2,}`` or ``{2,5}`` repeats. Raises _Ambiguous for numbers that Go refuses."""
    first, comma, second = braces[1:-1].partition(",")
    lowest, highest = _count(first), _count(second or first)
    if lowest > highest:
        raise _Ambiguous
    if token.kind == "begin":
        return [token] if lowest else []
    if comma and not second:
        return [*[token] * lowest, Token("any_number", token.takes)]
    return [*[token] * lowest, *[Token("optional", token.takes)] * (highest - lowest)]


def _count(digits: str) -> int:
    if len(digits) > len(str(_MAX_REPETITIONS)) or int(digits) > _MAX_REPETITIONS:
        raise _Ambiguous
    return int(digits)


def _simple_matcher(pattern: str) -> Matcher | None:
    """Return the matcher of a pattern without wildcards except ``**`` at its beginning or end; None for others."""
    literal = pattern.removeprefix("**")
    if not re.search(_WILDCARD, literal):
        if literal == pattern:
            return lambda path: path == pattern
        return lambda path: path.endswith(literal) or (literal.startswith("/") and path == literal[1:])
    literal = pattern.removesuffix("**")
    if literal != pattern and not re.search(_WILDCARD, literal):
        return lambda path: path.startswith(literal)
    return None


def _tokens(pattern: str) -> Iterator[re.Match[str]]:
    """Split a pattern into its tokens. Raises ValueError where it is malformed."""
    position = 0
    while position < len(pattern):
        token = re.compile(_TOKEN).match(pattern, position)
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
        if not re.fullmatch(_PLAIN_CLASS, text):
            raise _Ambiguous
        return text
    if kind == "escaped" and (text.isalnum() or not text.isascii()):  # \d and the like
        raise _Ambiguous
    return re.escape(text)


def _to_token(token: re.Match[str]) -> Token:
    """Return one token for a linear match. Raises _Ambiguous where it may have another meaning."""
    kind, text = token.lastgroup, token[token.lastgroup or 0]
    if kind == "folders":
        is_last = token.end() == len(token.string)
        return Token("any_number", lambda character: character != "\n") if is_last else Token("folders")
    if kind in ("star", "question_mark"):
        return Token("any_number" if kind == "star" else "one", lambda character: character != "/")
    if kind == "operator":
        return Token("begin")
    expression = _to_python(token)
    if kind == "class":
        member = re.compile(expression)
        return Token("one", lambda character: member.match(character) is not None)
    return Token("one", lambda character: character == text)
