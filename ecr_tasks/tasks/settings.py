"""The `settings` task: every setting, its value with secrets hidden, and where it came from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import document, table
from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from ecr_tasks.settings.settings import Settings

HIDDEN = "…hidden"

_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
# Caches in object stores take their keys in the setting itself (BuildKit: s3, azblob, gha).
_IN_CACHE = re.compile(r"(?i)\b((?:secret_|session_|access_)?(?:access_key|token|key_id|key|password)=)[^,\n]+")


@task(help={"json": "one JSON document on stdout"})
def settings(run: Run, json: bool = False) -> None:
    """Show every setting, its value (secrets hidden) and where it came from."""
    if json:
        document(as_json(run.settings))
    else:
        table(("name", "value", "from"), as_rows(run.settings))


def shown(name: str, text: str) -> str | None:
    """Return a setting's text without what must not be seen; None for an empty one."""
    from ecr_tasks.settings.parse.build_options import build_args
    from ecr_tasks.settings.schema import setting_of

    if not text:
        return None
    display = setting_of(name).display
    if display == "hidden":
        return HIDDEN
    if display == "last-four":
        return HIDDEN + (text[-4:] if len(text) >= 16 else "")
    if display == "names-only":
        # The entries as they were parsed: the text itself doesn't show where a value ends.
        entries = (entry.partition("=") for entry in build_args(text))
        return ", ".join(f"{name}={HIDDEN}" if equals else name for name, equals, _ in entries)
    if name == "ECR_CACHE":
        text = _IN_CACHE.sub(rf"\1{HIDDEN}", text)
    return _IN_URL.sub(HIDDEN, text).strip()


def as_json(settings: Settings) -> dict[str, Any]:
    """Return what `settings --json` prints: JSON types only, secrets hidden."""
    return {
        "project": str(settings.project),
        "environment": settings.env_name,
        "files": [str(path) for path in settings.files],
        "settings": {
            name: {
                "value": shown(name, value.text),
                "origin": str(value.origin),
                "from": value.origin.kind,
            }
            for name, value in settings.values.items()
        },
        "warnings": list(settings.warnings),
    }


def as_rows(settings: Settings) -> list[tuple[str, str, str]]:
    """Return what `settings` prints: name, value, origin; in brackets, what an unset setting means."""
    from ecr_tasks.settings.schema import setting_of

    return [
        (name, shown(name, value.text) or f"({setting_of(name).unset})", str(value.origin))
        for name, value in settings.values.items()
    ]
