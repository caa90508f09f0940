"""What is checked before a build: no keys in git or in the context, and a login where a base image is in ECR."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ecr_tasks.checks.key_files import holds_keys
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.git.read import is_tracked
from ecr_tasks.source.state import SourceState


def check_leaks(settings: Settings, source: SourceState, definitions: Iterable[BuildDefinition]) -> None:
    """Raises Refused when access keys in a dotenv file are in git, or would go into an image's context."""
    from ecr_tasks.checks.leaked_keys import find_leaks, refuse

    for context, dockerfile in _folders(definitions):
        leaks = find_leaks(
            context=context,
            dockerfile=dockerfile,
            files=settings.files,
            tracked=lambda path: is_tracked(source.root, path),
            holds_keys=holds_keys,
        )
        if leaks:
            raise refuse(leaks)


def own_folder_in_context(definitions: Iterable[BuildDefinition]) -> bool:
    """Whether the receipt would go into an image: it would make every build another one."""
    from ecr_tasks.checks.leaked_keys import carries

    return any(
        (context / ".ecr-tasks").is_dir() and carries(context, dockerfile, ".ecr-tasks/receipt.json")
        for context, dockerfile in _folders(definitions)
    )


def _folders(definitions: Iterable[BuildDefinition]) -> Iterator[tuple[Path, Path]]:
    """The local contexts, each with its Dockerfile; docker fetches remote ones itself."""
    for definition in definitions:
        context = Path(definition.context)
        if context.is_dir():
            yield context, context / (definition.dockerfile or "Dockerfile")
