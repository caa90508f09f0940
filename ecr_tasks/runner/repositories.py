"""TODO."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run
from ecr_tasks.plan.targets import repositories
from ecr_tasks.source.definitions.bake_file import bake_file


def planned_repositories(run: Run) -> dict[str, str]:
    """The repository of each image of the settings, or of the bake file they name, by the image's name."""
    file = bake_file(run.settings)
    return repositories(run.settings, run.docker.targets(str(file)) if file else None)
