"""The bake or compose file that describes the images of a project."""

from __future__ import annotations

from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.settings import Settings

BAKE_FILES = (
    *("docker-bake.hcl", "docker-bake.json"),
    *("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"),
)
"""The files' default names. A bake file can express more than a compose file, so it comes first."""


def bake_file(settings: Settings) -> Path | None:
    """Return the file whose targets are the images; None if the settings themselves describe one image.

    The file is ``ECR_BAKE_FILE``. If that is not set but ``ECR_REPOSITORY_PREFIX`` is (it is for several images), the
    file is the first of ``BAKE_FILES`` in the project. Raises SettingsError when none of them exists.
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
