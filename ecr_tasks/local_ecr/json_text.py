"""JSON from clients: read only if it is small and flat enough that reading it costs little memory and time."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_DEPTH = 64
MAX_VALUES = 400_000
"""The largest number of strings, and of commas, colons and opening brackets outside of them. A manifest of 4 MiB (the
API model's limit) has at most 360,000 if its descriptors have digests. ``[]`` takes 2 bytes as text, 64 once read."""

_LARGE = 8 << 20
"""The number of bytes beyond which a text must be ASCII, with nothing but ``/`` escaped. Only a part of a layer,
in base64, is so large; in other text one character can make Python take four bytes for each."""

_STRUCTURE = b",:[{"
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def parse_json(text: bytes | str, max_values: int = MAX_VALUES) -> Any:
    """Return the value of a JSON text (RFC 8259).

    Raises ValueError for what is not JSON, for what has more than ``max_values`` values or is nested deeper than
    ``MAX_DEPTH`` (section 9 allows such limits), and for integers of more than 64 bits; UnicodeError, which is
    a ValueError, for text that is not UTF-8 and for half a surrogate pair (section 8.2), which could not be stored.
    """
    data = text.encode() if isinstance(text, str) else text
    _check_size(data, max_values)
    value = json.loads(data.decode(), parse_int=_integer, parse_constant=_refuse_constant)
    if b"\\ud" in data or b"\\uD" in data:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _check_size(data: bytes, max_values: int) -> None:
    """Raise ValueError for too many values or too deep a nesting. The time is linear, and spent in C."""
    if len(data) > _LARGE and not (data.isascii() and data.count(b"\\") == data.count(b"\\/")):
        raise ValueError("too large a text for other characters than ASCII")
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    strings = data.count(b'"') // 2
    if strings > max_values:
        raise ValueError("too many strings")
    outside = b"".join(data.split(b'"')[::2])
    if strings + sum(map(outside.count, _STRUCTURE)) > max_values:
        raise ValueError("too many values")
    brackets = outside.translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise ValueError("nested too deep")


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= (number := int(text)) < 2**63:
        raise ValueError("an integer of more than 64 bits")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
