"""The repository's tasks: repo.ensure."""

from __future__ import annotations

from invoke.collection import Collection

from ecr_tasks.run import Run
from ecr_tasks.tasks.task import task


@task()
def ensure(run: Run) -> None:
    """Create the repositories of the planned images where they are missing."""
    from ecr_tasks import access

    access.ensure(run)


ns = Collection("repo", ensure)
