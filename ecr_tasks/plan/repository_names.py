"""The names of the repositories of a project's images."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.registry import repository
from ecr_tasks.settings.settings import Settings


def repository_names(settings: Settings, targets: Mapping[str, BuildDefinition] | None = None) -> dict[str, str]:
    """Return each image's repository by the image's name.

    ``targets`` are the published targets of a bake file; None without a bake file. Raises SettingsError when the
    settings name no repository, or one repository for several targets.
    """
    if targets is None:
        repository = settings.require_repository()
        return {repository: repository}
    if settings.repository_prefix is not None:
        return {name: prefixed(settings.repository_prefix, name) for name in targets}
    if len(targets) > 1:
        raise SettingsError(
            f"The bake file has {len(targets)} targets ({', '.join(targets)}), and one repository holds one image.",
            "Set ECR_REPOSITORY_PREFIX: each target's repository is the prefix and the target's name.",
        )
    return {name: settings.require_repository() for name in targets}


def prefixed(prefix: str, target: str) -> str:
    """Return a target's repository. Raises SettingsError for a name that ECR doesn't take."""
    try:
        return repository(prefix + target)
    except Malformed as error:
        raise SettingsError(
            f"The target {target[:80]} would get the repository {(prefix + target)[:120]}, which is no name in ECR.",
            "Name the target or service otherwise: lower-case letters and digits, joined by - or _. One image alone "
            "can have ECR_REPOSITORY with ECR_BAKE_FILE instead.",
        ) from error
