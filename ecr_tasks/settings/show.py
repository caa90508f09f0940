"""Settings as people and programs may see them: secrets hidden, each value with its origin."""

from __future__ import annotations

from ecr_tasks.settings.model import SettingValue

HIDDEN = "…hidden"


def shown(value: SettingValue) -> str | None:
    """A value's text without what must not be seen."""
    if value.text is None or not value.secret:
        return value.text
    return HIDDEN
