"""Answers of the query protocol, which STS and IAM speak."""

from __future__ import annotations

import html
import re

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2: Char


def elements(**values: str) -> str:
    """Return values as XML elements of their names."""
    texts = {name: html.escape(_NOT_XML.sub("\ufffd", value), quote=False) for name, value in values.items()}
    return "".join(f"<{name}>{text}</{name}>" for name, text in texts.items())
