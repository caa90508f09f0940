"""Which repository each image of a project goes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_tasks.errors import SettingsError

if TYPE_CHECKING:
    from ecr_tasks.model.image import BuildDefinition
    from ecr_tasks.settings.settings import Settings


def repository_names(settings: Settings, targets: Mapping[str, BuildDefinition] | None = None) -> dict[str, str]:
    """Return each image's repository by the image's name; ``targets`` are a bake file's. Raises SettingsError."""
    if targets is None:
        repository = settings.require_repository()
        return {repository: repository}
    return {name: repository_name(name, targets, settings) for name in targets}


def repository_name(name: str, targets: Mapping[str, BuildDefinition], settings: Settings) -> str:
    """Return the repository of one target. Raises SettingsError when the settings don't name it."""
    if settings.repository_prefix is not None:
        return settings.repository_prefix + name
    if len(targets) == 1:
        return settings.require_repository()
    raise SettingsError(
        f"The bake file has {len(targets)} targets ({', '.join(targets)}), and one repository holds one image.",
        "Set ECR_REPOSITORY_PREFIX: each target's repository is the prefix and the target's name.",
    )
