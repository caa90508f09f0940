"""Numbers and JSON from clients: what is refused costs little, and what is taken is what the text means."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.local_ecr.json_text import parse_json
from ecr_tasks.local_ecr.numbers import MAX_NUMBER, parse_number

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)  # fmt: skip


@given(st.integers(0, 10**30), st.integers(0, 5))
def test_digits_are_a_number(number: int, zeros: int) -> None:
    assert parse_number("0" * zeros + str(number)) == min(number, MAX_NUMBER)


@pytest.mark.parametrize("text", ["", "²", "٣", "+5", "-5", " 5", "5 ", "1_0", "0x5", "5.0", "1e3", "\x005", None])
def test_what_int_takes_or_chokes_on_is_no_number(text: str | None) -> None:
    assert parse_number(text) is None


def test_thousands_of_digits_are_the_largest_number() -> None:
    assert parse_number("9" * 5000) == MAX_NUMBER
    assert parse_number("0" * 5000 + "7") == 7


@given(DOCUMENTS, st.booleans())
def test_any_document_is_read_as_json_reads_it(document: object, ascii_only: bool) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only)
    assert parse_json(text.encode()) == parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"[", b"NaN", b"[-Infinity]", b"1" * 5000, b"9223372036854775808", b"\xff", b'"\\ud800"'),
        *(b'{"\\uDc00": 1}', b"[" * 65 + b"]" * 65, b"[" * 100_000, b'{"a":' * 9000 + b"1" + b"}" * 9000),
        b'"' * 2_000_001,
    ],
    ids=lambda text: text[:12].decode(errors="replace"),
)
def test_what_is_not_json_or_not_flat_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (any of its kinds)
        parse_json(text)


def test_brackets_in_strings_are_text() -> None:
    document = {"\\": "[" * 5000, '"': ['\\"[[[{{{,,,' * 100], "ü": "😀"}
    assert parse_json(json.dumps(document).encode()) == document


def test_a_manifest_of_the_largest_size_is_read() -> None:
    descriptors = [{"digest": f"sha256:{number:064x}", "size": 1} for number in range(44_000)]
    text = json.dumps({"schemaVersion": 2, "manifests": descriptors}, separators=(",", ":"))
    assert 4_100_000 < len(text) < 4_194_304
    assert parse_json(text.encode())["manifests"] == descriptors


@pytest.mark.parametrize("piece", [b"[]", b"{}", b'""', b'{"":0}', b"9"])
def test_many_small_values_take_no_more_memory_than_their_text(piece: bytes) -> None:
    text = b"[" + b",".join([piece] * (8_000_000 // (len(piece) + 1))) + b"]"
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="too many"):
            parse_json(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(text)


@pytest.mark.parametrize("piece", [b"\\n", b"\\\\", b"\\ud83d\\ude00", "\u00e9".encode(), "\U0001f600".encode()])
def test_a_text_as_large_as_a_layer_part_is_plain(piece: bytes) -> None:
    large = b"x" * (9 << 20)
    assert parse_json(b'"' + large + b'\\/"') == large.decode() + "/"
    with pytest.raises(ValueError, match="too large a text"):
        parse_json(b'"' + piece + large + b'"')
    assert parse_json(b'"' + piece + b'"')
