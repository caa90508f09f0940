"""The check for the receipt's folder in a build context: its files would make every image different."""

from __future__ import annotations

from collections.abc import Iterable

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.build_context.walk import local_contexts


def receipt_in_context(definitions: Iterable[BuildDefinition]) -> bool:
    """Return whether a build context contains the receipt's folder and .dockerignore doesn't exclude it.

    Raises SettingsError for a malformed .dockerignore.
    """
    return any(
        (context / ".ecr-tasks").is_dir()
        and not DockerIgnore.read(context, dockerfile).ignores(".ecr-tasks/receipt.json")
        for context, dockerfile in local_contexts(definitions)
    )
