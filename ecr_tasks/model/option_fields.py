"""An option in buildx's short syntax, CSV: ``type=local,src=cache``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping


def split_fields(option: str) -> dict[str, str]:
    """Return the fields of an option, by name; a field without ``=`` is empty."""
    parts: list[str] = next(csv.reader([option]), [])
    return dict(part.partition("=")[::2] for part in parts)


def join_fields(fields: Mapping[str, str]) -> str:
    """Return fields as an option, with quotes where a value has a comma."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([f"{name}={value}" for name, value in fields.items()])
    return line.getvalue()
