"""The names of the repositories of a project's images."""

from __future__ import annotations

from collections.abc import Collection

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.wording import name_some
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.registry import repository
from ecr_tasks.settings.settings import Settings


def repository_names(settings: Settings, targets: Collection[str] | None = None) -> dict[str, str]:
    """Return each image's repository by the image's name.

    ``targets`` are the names of the published targets of a bake file; None without a bake file. Raises SettingsError
    when the settings name no repository for one of them, or one repository for several.
    """
    if targets is None:
        name = settings.require_repository()
        return {name: name}
    if settings.names_several:
        return _several(settings, targets)
    if len(targets) > 1:
        raise SettingsError(
            f"The bake file has {len(targets)} targets ({name_some(tuple(targets))}), and one repository holds one "
            "image.",
            "Set ECR_REPOSITORY_PREFIX: each target's repository is the prefix and the target's name. "
            "ECR_REPOSITORY_MAP names them one by one.",
        )
    return {name: settings.require_repository() for name in targets}


def _several(settings: Settings, targets: Collection[str]) -> dict[str, str]:
    prefix, own = settings.repository_prefix, settings.repository_map
    rest = [name for name in targets if name not in own]
    if prefix is None and rest:
        raise SettingsError(
            f"ECR_REPOSITORY_MAP names no repository for {name_some(rest)}.",
            "Add TARGET=REPOSITORY for each image, or set ECR_REPOSITORY_PREFIX for all that it doesn't name.",
        )
    names = {name: own.get(name) or prefixed(prefix or "", name) for name in targets}
    for name in own:
        other = next((key for key in rest if names[key] == own[name]), None)
        if other is not None:
            raise SettingsError(
                f"{name} (ECR_REPOSITORY_MAP) and {other} (ECR_REPOSITORY_PREFIX) have one repository, {own[name]}, "
                "and each image needs its own.",
                "Give one of them another in ECR_REPOSITORY_MAP.",
            )
    return names


def unused_entries(settings: Settings, targets: Collection[str]) -> tuple[str, ...]:
    """Return the names in ECR_REPOSITORY_MAP that are none of the published targets."""
    return tuple(name for name in settings.repository_map if name not in targets)


def prefixed(prefix: str, target: str) -> str:
    """Return a target's repository. Raises SettingsError for a name that ECR doesn't take."""
    try:
        return repository(prefix + target)
    except Malformed as error:
        raise SettingsError(
            f"The target {target[:80]} would get the repository {(prefix + target)[:120]}, which is no name in ECR.",
            "Give it one in ECR_REPOSITORY_MAP, or name the target or service otherwise: lower-case letters and "
            "digits, joined by - or _.",
        ) from error
