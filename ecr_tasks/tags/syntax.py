"""Split the texts of ECR_TAGS and ECR_FLAVOR into rules, and rules into fields.

As in metadata-action, a rule is a line of CSV (RFC 4180): a field in double quotes keeps its commas, and ``""`` in it
is one quote. In a text without a line break, ``;`` separates rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_tasks.frozen import dataclass

GITHUB_EXPRESSION = "${{"
"""The beginning of an expression of GitHub Actions."""

_QUOTED = r'"((?:[^"]|"")*)"'
_CSV_FIELD = rf'(?:{_QUOTED}|([^",]*))(,|\Z)'


class RuleError(Exception):
    """A rule has a mistake; ``column`` is its position in the rule's text, from 1."""

    def __init__(self, message: str, column: int = 1) -> None:
        super().__init__(message)
        self.sentence = message if message.endswith("?") else f"{message}."
        self.column = column


@dataclass(frozen=True)
class Field:
    """One ``key=value`` of a rule, or a bare value; ``column`` is where the value begins."""

    key: str | None
    value: str
    column: int


def split_rules(text: str) -> tuple[str, ...]:
    """Return the rules of a text, without empty ones and lines that begin with ``#``.

    A text with a line break has one rule on each line, in which ``;`` is an ordinary character. In other texts, ``;``
    separates rules unless it is in double quotes.
    """
    pieces = text.splitlines() if len(text.splitlines()) > 1 or text.endswith("\n") else _semicolons(text)
    rules = (piece.strip() for piece in pieces)
    return tuple(rule for rule in rules if rule and not rule.startswith("#"))


def split_fields(rule: str) -> tuple[Field, ...]:
    """Return the fields of one rule, without empty ones. Raises RuleError where quotes break the rules of CSV.

    GitHub's own expressions are refused first, because they may have commas and quotes.
    """
    if GITHUB_EXPRESSION in rule:
        raise RuleError(
            "has an expression of GitHub Actions (${{ … }}), which only GitHub evaluates: use ours, such as "
            "{{is_default_branch}}",
            rule.index(GITHUB_EXPRESSION) + 1,
        )
    fields = (_field(text, start) for text, start in _csv(rule, 0))
    return tuple(field for field in fields if field.key is not None or field.value)


def _semicolons(text: str) -> list[str]:
    return re.findall(r'(?:"[^"]*"|[^;"]|"[^"]*$)+', text)


def _csv(rule: str, start: int) -> Iterator[tuple[str, int]]:
    """Yield each field's text and its index in the rule (from 0, inside its quotes)."""
    position, separator = 0, ","
    while separator:
        match = re.compile(_CSV_FIELD).match(rule, position)
        if match is None:
            raise _quote_error(rule, position, start)
        quoted, plain, separator = match.groups()
        text = (quoted or "").replace('""', '"')
        if quoted is None:
            yield plain, start + position
        elif re.fullmatch(_QUOTED, text):
            # A field in three quotes on each side: metadata-action parses every line as CSV twice.
            yield from _csv(text, start + position + 2)
        else:
            yield text, start + position + 1
        position = match.end()


def _quote_error(rule: str, position: int, start: int) -> RuleError:
    quoted = re.compile(_QUOTED).match(rule, position)
    if quoted is not None:
        return RuleError("has text after a closing quote: put the whole field in quotes", start + quoted.end() + 1)
    quote = rule.index('"', position)
    problem = "that is never closed" if quote == position else "inside a field: put the whole field in quotes"
    return RuleError(f"has a quote {problem}", start + quote + 1)


def _field(text: str, start: int) -> Field:
    """Return the field with its key and value.

    The key ends at the first ``=`` after the first character. A text with ``{{`` before that has no key.
    """
    equals = text.find("=", 1)
    equals = -1 if "{{" in text[: max(equals, 0)] else equals
    value_start = 0 if equals < 0 else equals + 1
    value = text[value_start:]
    column = start + value_start + len(value) - len(value.lstrip()) + 1
    key = None if equals < 0 else text[:equals].strip().lower()
    return Field(key, value.strip(), column)
