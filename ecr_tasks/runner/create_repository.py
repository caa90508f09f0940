"""Creates a repository that a run needs, as the settings want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from ecr_tasks.clients.ecr.public import PublicRegistry
    from ecr_tasks.clients.ecr.registry import EcrRegistry


def create(
    run: Run, name: str, registry: EcrRegistry | PublicRegistry | None = None, *, whole: bool = False
) -> RepositoryView:
    """Creates a repository as the settings want it; one that another run has created meanwhile is as good.

    ``registry`` is another one than the settings' own. Publishing needs no policies: where they can't be set, that is
    a warning, unless the ``whole`` is asked for.
    """
    from ecr_tasks.plan.repository.desired import desired_repository
    from ecr_tasks.plan.repository.diff import describe_mutability

    wanted, where = desired_repository(run.settings, run.source), registry or run.registry
    made = where.admin.create(name, wanted)
    if made is None:
        return where.describe({name: ()})[name]
    shown = name if registry is None else made.uri
    say(f"{shown}: repository created ({describe_mutability(made.mutability, made.exclusions)})")
    try:
        where.admin.set_policies(name, wanted)
    except EcrTasksError as error:
        if whole:
            raise
        warn(f"{shown} is created, but not all of it is set: {error.cause} `inv repo.ensure` sets the rest.")
    return RepositoryView(made)
