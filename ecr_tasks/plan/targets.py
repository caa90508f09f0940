"""Which repository each image of a project goes to; asks neither git nor the tag rules.

Apart from ``images.py`` for the tasks that only look up a repository: what makes tags and builds is much to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_tasks.errors import SettingsError

if TYPE_CHECKING:
    from ecr_tasks.model.image import BuildDefinition
    from ecr_tasks.settings.settings import Settings


def repositories(settings: Settings, targets: Mapping[str, BuildDefinition] | None = None) -> dict[str, str]:
    """Each image's repository by the image's name, whatever the source's state is. Raises SettingsError."""
    if targets is None:
        repository = settings.require_repository()
        return {repository: repository}
    return {name: repository_of(name, targets, settings) for name in targets}


def repository_of(name: str, targets: Mapping[str, BuildDefinition], settings: Settings) -> str:
    """The repository of one target. Raises SettingsError when it isn't said."""
    if settings.repository_prefix is not None:
        return settings.repository_prefix + name
    if len(targets) == 1:
        return settings.require_repository()
    raise SettingsError(
        f"The bake file has {len(targets)} targets ({', '.join(targets)}), and one repository holds one image.",
        "Set ECR_REPOSITORY_PREFIX: each target's repository is the prefix and the target's name.",
    )
