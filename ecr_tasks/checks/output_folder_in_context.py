"""The check for the receipt's own folder in a build context, where it would make every image a different one."""

from __future__ import annotations

from collections.abc import Iterable

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.build_context.walk import local_contexts


def receipt_in_context(definitions: Iterable[BuildDefinition]) -> bool:
    """Tell whether a build context has a folder for receipts that .dockerignore doesn't keep out.

    Raises SettingsError for a malformed .dockerignore.
    """
    return any(
        (context / ".ecr-tasks").is_dir()
        and not DockerIgnore.read(context, dockerfile).ignores(".ecr-tasks/receipt.json")
        for context, dockerfile in local_contexts(definitions)
    )
