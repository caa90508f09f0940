"""Numbers in requests: digits alone, and never so many that Python refuses or is slow to read them."""

from __future__ import annotations

MAX_NUMBER = 10**18
"""What a larger number is read as. It is beyond every size and count here, and fits SQLite's 64-bit integers."""


def parse_number(text: str | None) -> int | None:
    """Return the number that ``text`` is, at most ``MAX_NUMBER``; None if it is not ASCII digits alone.

    HTTP's numbers are ``1*DIGIT`` (RFC 9110, sections 8.6 and 14.1.1). ``int`` takes more than that (``+5``, ``1_0``,
    spaces, digits of other scripts), ``str.isdigit`` too (``²``), and ``int`` refuses 5,000 digits.
    """
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) < len(str(MAX_NUMBER)) else MAX_NUMBER
