"""A setting's text is split into rules, and a rule's text into keys and values."""

from __future__ import annotations

import pytest

from ecr_tasks.tags.syntax import RuleError, split_fields, split_rules
from tests.tags.build import names


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("type=sha", ["type=sha"]),
        ("type=sha;edge", ["type=sha", "edge"]),
        ("a;;b; ", ["a", "b"]),
        ("type=sha\ntype=edge", ["type=sha", "type=edge"]),
        ("\n  # shas\n  type=sha\r\n\n#edge\n  edge\n", ["type=sha", "edge"]),
        ('"type=match","pattern=a;b";sha', ['"type=match","pattern=a;b"', "sha"]),
        ("type=match,pattern=a;b\n", ["type=match,pattern=a;b"]),
        ('a"b;c', ['a"b;c']),
        ("", []),
        ("# nothing", []),
    ],
)
def test_rules_are_lines_or_separated_by_semicolons(text: str, rules: list[str]) -> None:
    assert list(split_rules(text)) == rules


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("type=sha", [("type", "sha", 6)]),
        ("foo", [(None, "foo", 1)]),
        ("type=raw, Value = a b ,c", [("type", "raw", 6), ("value", "a b", 19), (None, "c", 24)]),
        ('type=match,"pattern=\\d{1,3}"', [("type", "match", 6), ("pattern", "\\d{1,3}", 21)]),
        ('"""pattern=\\d{1,3}"""', [("pattern", "\\d{1,3}", 12)]),
        ('"a=""b"""', [("a", '"b"', 4)]),
        ("pattern=a=b", [("pattern", "a=b", 9)]),
        ("=foo", [(None, "=foo", 1)]),
        ("prefix=", [("prefix", "", 8)]),
        ("a,", [(None, "a", 1)]),
        (",a=", [("a", "", 4)]),
    ],
)
def test_fields_are_csv(rule: str, fields: list[tuple[str | None, str, int]]) -> None:
    assert [(field.key, field.value, field.column) for field in split_fields(rule)] == fields


@pytest.mark.parametrize(
    ("rule", "message", "column"),
    [
        ('type=match,"pattern=a', "never closed", 12),
        ('type=match,"pattern=a"b', "after a closing quote", 23),
        ('type=match,pattern="a"', "inside a field", 20),
        ('type=raw, "a"', "inside a field", 11),
    ],
)
def test_quotes_that_are_no_csv_are_errors_with_their_place(rule: str, message: str, column: int) -> None:
    with pytest.raises(RuleError, match=message) as caught:
        split_fields(rule)
    assert caught.value.column == column


def test_a_bare_value_is_a_raw_tag() -> None:
    assert names("foo;type=raw,bar;type=raw,value=baz") == ["foo", "bar", "baz"]
