"""Policies' files for the tests."""

from __future__ import annotations

from pathlib import Path


def write_policy(folder: Path, text: str) -> Path:
    """Write the text into a policy's file and return its path."""
    path = folder / "policy.json"
    path.write_text(text, encoding="utf-8")
    return path
