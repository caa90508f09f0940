"""Parse the reference of an image, as the reference of docker's distribution has it."""

from __future__ import annotations

import re

from ecr_tasks.settings.errors import Malformed

PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_HOST = rf"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::{PORT})?"


def reference_pattern(name: str = "") -> str:
    """Return the expression of a reference, whose names may have ``name``, an expression, anywhere."""
    others = f"|{name}" if name else ""
    word = f"(?:[a-z0-9]{others})+"
    part = rf"{word}(?:(?:\.|__?|-+){word})*"
    tag = rf"(?:[A-Za-z0-9_]{others})(?:[A-Za-z0-9_.-]{others}){{0,127}}"
    return rf"(?:{_HOST}/)?{part}(?:/{part})*(?::{tag})?(?:@sha256:[0-9a-f]{{64}})?"


def image(text: str) -> str:
    """Parse an image's reference. The error doesn't show the text, which may have a password before its host."""
    text = text.strip()
    if not re.fullmatch(reference_pattern(), text):
        raise Malformed("must be an image's reference, such as registry.example/team/app:1.0, without a password")
    return text
