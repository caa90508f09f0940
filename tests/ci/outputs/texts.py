"""Texts that need escaping, and a reader of escaped text."""

from __future__ import annotations

import re

from hypothesis import strategies as st

HOSTILE = st.text(
    st.sampled_from("a%|'[]\n\r:;,=\\\"$`*_<>&#! @(){}\u0085\u2028é💥\x00\x1b\t") | st.characters(), max_size=30
)
VALID = HOSTILE.filter(lambda text: "\x00" not in text and not re.search("[\ud800-\udfff]", text))


def unescape(text: str, pairs: dict[str, str]) -> str:
    """Return the text with each key of ``pairs`` replaced by its value, in one pass."""
    return re.sub("|".join(map(re.escape, pairs)), lambda match: pairs[match[0]], text)
