"""The `settings` task: show the settings, their values with secrets hidden, and their origins."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, Text, document, result_table, say
from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run
    from ecr_tasks.settings.settings import Settings


@task(
    may_be_positional="name",
    help={
        "name": "one setting, such as ECR_TAGS; --name may be left out",
        "all": "also those that have their defaults",
        "json": "all as one JSON document on stdout",
    },
)
def settings(run: Run, name: str | None = None, all: bool = False, json: bool = False) -> None:  # noqa: A002
    """Show the settings and where each comes from.

    Those that somebody has set, or all, or one; secrets are hidden.
    """
    values = run.settings.values
    if name is not None:
        names = [find_name(name, run.settings)]
    else:
        names = [key for key, value in values.items() if all or json or value.origin.kind != "default"]
    if json:
        document(as_json(run.settings, names))
        return
    columns = (Column("name", meaning="strong"), Column("value", least=24), Column("from", 1, "dim", least=20))
    if not names:
        say(Styled(f"Nothing is set: all {len(values)} settings have their defaults; --all shows them", "dim"))
        return
    result_table(columns, as_rows(run.settings, names))
    if name is None and len(names) < len(values):
        say(Styled(f"{len(values) - len(names)} others have their defaults: --all shows them", "dim"))


def find_name(text: str, settings: Settings) -> str:
    """Return the name of a setting by its variable's or its key's, in any case. Raises SettingsError."""
    from ecr_tasks.settings.unknown_names import meant_by, names_setting

    wanted = text.upper().replace("-", "_").removeprefix("ECR.")
    for name in (names_setting(wanted), wanted, f"ECR_{wanted}"):
        if name in settings.values:
            return name
    guess = meant_by(wanted) or nearest(wanted, list(settings.values), 0.6)
    suggestion = f"Did you mean {guess}? " if guess else ""
    raise SettingsError(f"There is no setting {text}.", f"{suggestion}`inv settings --all` shows all of them.")


def as_json(settings: Settings, names: Collection[str] | None = None) -> dict[str, Any]:
    """Return the document of `settings --json`, with secrets hidden, for all settings or those with these names."""
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
            if names is None or name in names
        },
        "warnings": list(settings.warnings),
    }


def as_rows(settings: Settings, names: Collection[str] | None = None) -> list[tuple[str, Text, str]]:
    """Return the table of `settings`: name, value and origin; for an unset setting, its meaning in brackets."""
    from ecr_tasks.settings.hide_secrets import hide_secrets
    from ecr_tasks.settings.schema import setting_of

    return [
        (
            name,
            hide_secrets(name, value.text) or Styled(f"({setting_of(name).unset})", "dim"),
            str(value.origin),
        )
        for name, value in settings.values.items()
        if names is None or name in names
    ]
