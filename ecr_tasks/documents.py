"""JSON documents from outside: reading one takes little memory and time, and every bad one is a ValueError.

Python's own parser raises RecursionError for deep nesting, takes minutes for some numbers, reads ``NaN`` and
``1e999``, and gives strings with half a character, which nothing can write.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 100
"""Lists and objects in each other. The deepest document that is known, GitHub's event, has about ten."""

MAX_VALUES = 1_000_000
"""Values in one document, each of which takes up to 100 bytes of memory."""

MAX_DIGITS = 40
"""The digits of the longest number: more than a number of 128 bits has."""


def parse_json(text: str | bytes, *, unique: bool = False, values: int = MAX_VALUES) -> Any:
    """Return the value of a JSON document. Raises ValueError, whose text completes "it can't be read: …".

    It may have so many ``values``. With ``unique``, for people's files, a key that an object has twice is an error:
    Python's parser drops the first one's value (RFC 8259, section 4, leaves it open). A mistake in the syntax is a
    json.JSONDecodeError.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    if sum(map(text.count, ",[{")) > values:
        raise ValueError(f"it has more than {values} values")
    try:
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_no_number,
            object_pairs_hook=_unique if unique else None,
        )
    except RecursionError:
        raise _too_deep() from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    if "\\ud" in text.lower():
        _check_characters(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in value if keys.count(key) > 1)
        raise ValueError(f"an object has the key {json.dumps(twice[:100], ensure_ascii=False)} twice")
    return value


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"it has a number of {len(digits)} digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("it has a number that is too large")
    return value


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise _too_deep()


def _children(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it has a string with half a character (a lone surrogate)") from None


def _too_deep() -> ValueError:
    return ValueError(f"its lists and objects are nested more than {MAX_DEPTH} deep")
