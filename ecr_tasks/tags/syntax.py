"""Takes the text of ECR_TAGS or ECR_FLAVOR apart: rules, and their comma-separated fields with positions.

A rule is a line of CSV (RFC 4180), as metadata-action reads it: a field in double quotes keeps its commas, and
``""`` in it is one quote. A text without a line break may have several rules, separated by ``;``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_PLAIN = re.compile(r"[^,]*")


class RuleError(Exception):
    """A rule can't be used; ``column`` counts from 1 in the rule's own text."""

    def __init__(self, message: str, column: int = 1, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.remedy = remedy


@dataclass(frozen=True)
class Field:
    """One ``key=value`` of a rule, or a bare value; ``column`` is where the value begins."""

    key: str | None
    value: str
    column: int


def split_rules(text: str) -> tuple[str, ...]:
    """The rules of a text, without empty ones and lines that begin with ``#``.

    With a line break in it, a text is one rule a line, and ``;`` is a rule's own character; without one, ``;``
    separates rules unless it stands in double quotes.
    """
    pieces = text.splitlines() if len(text.splitlines()) > 1 or text.endswith("\n") else _semicolons(text)
    rules = (piece.strip() for piece in pieces)
    return tuple(rule for rule in rules if rule and not rule.startswith("#"))


def split_fields(rule: str) -> tuple[Field, ...]:
    """The fields of one rule. RuleError for quotes that CSV doesn't allow."""
    return tuple(_field(text, start) for text, start in _csv(rule, 0))


def _semicolons(text: str) -> list[str]:
    return re.findall(r'(?:"[^"]*"|[^;"]|"[^"]*$)+', text)


def _csv(rule: str, start: int) -> Iterator[tuple[str, int]]:
    """Each field's text, and where in the rule it begins (from 0, inside its quotes)."""
    position = 0
    while True:
        quoted = _QUOTED.match(rule, position)
        if quoted is not None:
            end = quoted.end()
            if rule[end : end + 1] not in ("", ","):
                raise RuleError("has text after a closing quote: put the whole field in quotes", start + end + 1)
            text = quoted[1].replace('""', '"')
            if _QUOTED.fullmatch(text):
                # Three quotes around a field: metadata-action reads every line twice.
                yield from _csv(text, start + position + 2)
            else:
                yield text, start + position + 1
        elif rule.startswith('"', position):
            raise RuleError("has a quote that is never closed", start + position + 1)
        else:
            end = _plain_end(rule, position, start)
            yield rule[position:end], start + position
        if end >= len(rule):
            return
        position = end + 1


def _plain_end(rule: str, position: int, start: int) -> int:
    match = _PLAIN.match(rule, position)
    end = match.end() if match else len(rule)
    quote = rule.find('"', position, end)
    if quote >= 0:
        raise RuleError("has a quote inside a field: put the whole field in quotes", start + quote + 1)
    return end


def _field(text: str, start: int) -> Field:
    """The first ``=`` that has something before it ends the key, unless that is an expression's option."""
    equals = text.find("=", 1)
    equals = -1 if "{{" in text[: max(equals, 0)] else equals
    begins = 0 if equals < 0 else equals + 1
    value = text[begins:]
    column = start + begins + len(value) - len(value.lstrip()) + 1
    key = None if equals < 0 else text[:equals].strip().lower()
    return Field(key, value.strip(), column)
