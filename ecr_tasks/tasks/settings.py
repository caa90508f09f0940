"""The `settings` task: show every setting, its value with secrets hidden, and its origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_tasks.console import document, table
from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from ecr_tasks.settings.settings import Settings


@task(help={"json": "one JSON document on stdout"})
def settings(run: Run, json: bool = False) -> None:
    """Show every setting, its value (secrets hidden) and where it came from."""
    if json:
        document(as_json(run.settings))
    else:
        table(("name", "value", "from"), as_rows(run.settings))


def as_json(settings: Settings) -> dict[str, Any]:
    """Return the document of `settings --json`, with secrets hidden."""
    from ecr_tasks.settings.hide_secrets import hide_secrets

    return {
        "project": str(settings.project),
        "environment": settings.env_name,
        "files": [str(path) for path in settings.files],
        "settings": {
            name: {
                "value": hide_secrets(name, value.text),
                "origin": str(value.origin),
                "from": value.origin.kind,
            }
            for name, value in settings.values.items()
        },
        "warnings": list(settings.warnings),
    }


def as_rows(settings: Settings) -> list[tuple[str, str, str]]:
    """Return the table of `settings`: name, value and origin; for an unset setting, its meaning in brackets."""
    from ecr_tasks.settings.hide_secrets import hide_secrets
    from ecr_tasks.settings.schema import setting_of

    return [
        (name, hide_secrets(name, value.text) or f"({setting_of(name).unset})", str(value.origin))
        for name, value in settings.values.items()
    ]
