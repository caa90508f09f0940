"""Settings as people and programs may see them: secrets hidden, each value with its origin."""

from __future__ import annotations

import re
from typing import Any

from ecr_tasks.settings.origin import SettingValue
from ecr_tasks.settings.parse import build_options as buildx
from ecr_tasks.settings.schema import spec_of
from ecr_tasks.settings.settings import Settings

HIDDEN = "…hidden"

_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
# Caches in object stores take their keys in the setting itself (BuildKit: s3, azblob, gha).
_IN_CACHE = re.compile(r"(?i)\b((?:secret_|session_|access_)?(?:access_key|token|key_id|key|password)=)[^,\n]+")


def shown(value: SettingValue) -> str | None:
    """A value's text without what must not be seen; None where nothing is set."""
    text = value.text
    if text is None:
        return None
    display = spec_of(value.name).display
    if display == "names-only":
        return _names_only(text)
    if display == "last-four":
        return HIDDEN + (text[-4:] if len(text) >= 16 else "")
    if display == "hidden" or value.secret:
        return HIDDEN
    if value.name == "ECR_CACHE":
        text = _IN_CACHE.sub(rf"\1{HIDDEN}", text)
    return _IN_URL.sub(HIDDEN, text).strip()


def _names_only(text: str) -> str:
    # The entries as they were understood: in the text itself, nothing says where a value ends.
    entries = (entry.partition("=") for entry in buildx.build_args(text))
    return ", ".join(f"{name}={HIDDEN}" if equals else name for name, equals, _ in entries)


def as_json(settings: Settings) -> dict[str, Any]:
    """What `settings --json` prints: JSON types only, secrets hidden."""
    return {
        "project": str(settings.project),
        "environment": settings.env_name,
        "files": [str(path) for path in settings.files],
        "settings": {
            name: {
                "value": shown(value),
                "origin": str(value.origin),
                "from": value.origin.kind,
            }
            for name, value in settings.values.items()
        },
        "warnings": list(settings.warnings),
    }


def as_rows(settings: Settings) -> list[tuple[str, str, str]]:
    """What `settings` prints: name, value, origin; what an unset setting means stands in brackets."""
    rows = []
    for name, value in settings.values.items():
        text = shown(value)
        rows.append((name, f"({spec_of(name).otherwise})" if text is None else text, str(value.origin)))
    return rows
