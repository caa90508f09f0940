"""Which images a project has and which repository each goes to; asks neither git nor the tag rules.

Apart from ``images.py`` for the tasks that only look up a repository: what makes tags and builds is much to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.errors import SettingsError

if TYPE_CHECKING:
    from ecr_tasks.model.image import BuildDefinition
    from ecr_tasks.settings.settings import Settings

BAKE_FILES = (
    *("docker-bake.hcl", "docker-bake.json"),
    *("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"),
)
"""Where several images are described by default; a bake file says more than a compose file, so it comes first."""


def repositories(settings: Settings, targets: Mapping[str, BuildDefinition] | None = None) -> dict[str, str]:
    """Each image's repository by the image's name, whatever the source's state is. Raises SettingsError."""
    if targets is None:
        repository = settings.require_repository()
        return {repository: repository}
    return {name: repository_of(name, targets, settings) for name in targets}


def bake_file(settings: Settings) -> Path | None:
    """The bake or compose file whose targets are the images; None where the settings describe the one image.

    Without ``ECR_BAKE_FILE`` it is found by its name, where ``ECR_REPOSITORY_PREFIX`` says that there are several
    images. Raises SettingsError when there is none then.
    """
    if settings.bake_file is not None or settings.repository_prefix is None:
        return settings.bake_file
    for name in BAKE_FILES:
        if (settings.project / name).is_file():
            return settings.project / name
    raise SettingsError(
        f"ECR_REPOSITORY_PREFIX is set, but there is no bake or compose file in {settings.project}.",
        "Set ECR_BAKE_FILE to it, or ECR_REPOSITORY for one image.",
    )


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
