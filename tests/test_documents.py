"""Tests of documents: a JSON document from outside is read, or refused with a reason, whatever is in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.documents import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES, st.booleans())
def test_every_document_is_read_as_it_is(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(text) == value
    assert parse_json(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, f"nested more than {MAX_DEPTH} deep"),
        ("[" * 100_000 + "]" * 100_000, f"nested more than {MAX_DEPTH} deep"),
        ('{"a":' * 5000 + "1" + "}" * 5000, f"nested more than {MAX_DEPTH} deep"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), f"nested more than {MAX_DEPTH} deep"),
        ("[" + "[]," * MAX_VALUES + "0]", f"more than {MAX_VALUES} values"),
        ('{"n": ' + "9" * 5000 + "}", "a number of 5000 digits"),
        ("-" + "9" * MAX_DIGITS, f"a number of {MAX_DIGITS + 1} digits"),
        ("1e999", "a number that is too large"),
        ("[NaN]", "NaN is no JSON"),
        ("-Infinity", "-Infinity is no JSON"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"\\uDFFF": 1}', "half a character"),
        ('{"a": ', "Expecting value"),
        (b"\xff\xfe", "can't decode"),
    ],
)
def test_what_python_could_not_take_is_refused_with_its_reason(text: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_the_deepest_document_and_a_whole_character_are_read() -> None:
    assert parse_json("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1))
    assert parse_json('"\\ud83d\\ude00"') == "\U0001f600"
    assert parse_json(b"\xef\xbb\xbf[]") == []


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', '[{"b": {"é": 1, "a": 2, "\\u00e9": 3}}]', '{"a": 1, "b": 2, "a": 3}']
)
def test_a_key_that_stands_twice_in_a_file_of_a_person_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'an object has the key "[aé]" twice'):
        parse_json(text, unique=True)
    assert parse_json('[{"a": 1}, {"a": 1}]', unique=True) == [{"a": 1}, {"a": 1}]
