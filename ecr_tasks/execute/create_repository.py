"""Create repositories that are missing, as the settings want them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.ports import Target
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.repository import DesiredRepository
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.repository.diff import describe_mutability
from ecr_tasks.plan.snapshot import Snapshot


def create_repository(
    name: str,
    desired: DesiredRepository,
    registry: Target,
    say: Callable[[str], None],
    warn: Callable[[str], None] | None,
    *,
    tags: Sequence[str] = (),
    by_address: bool = False,
) -> RepositoryView:
    """Create a repository and set its policies; if another run has just created it, return it unchanged.

    It then has those of the ``tags`` that the other run has set.

    Publishing needs no policies: ``warn`` gets a line when they can't be set; without ``warn`` the error is raised.
    With ``by_address`` messages show the repository's full URI.
    """
    repositories = registry.admin
    repository = repositories.create(name, desired)
    if repository is None:
        return registry.describe({name: tags})[name]
    shown = repository.uri if by_address else name
    say(f"{shown}: repository created ({describe_mutability(repository.mutability, repository.exclusions)})")
    try:
        repositories.set_policies(name, desired)
    except EcrTasksError as error:
        if warn is None:
            raise
        warn(f"{shown} is created, but not all of it is set: {error.cause} `inv repo.ensure` sets the rest.")
    return RepositoryView(repository)


def create_missing(
    items: Sequence[PlannedImage],
    snapshot: Snapshot,
    desired: Callable[[], DesiredRepository],
    registry: Target,
    target: Callable[[Destination], Target],
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Snapshot:
    """Create the repositories that the plan lists as missing, and return the snapshot with them.

    An error at a destination becomes part of the snapshot and does not stop the others.
    """
    created = {}
    for item in items:
        name = item.image.repository
        if item.creates_repository and name not in created:
            created[name] = create_repository(name, desired(), registry, say, warn, tags=item.image.tag_names)
    destinations: dict[tuple[str, Destination], RepositoryView | EcrTasksError] = {}
    for item in items:
        for copy in item.copies:
            if copy.creates_repository:
                key = item.image.repository, copy.destination
                try:
                    destination_registry = target(copy.destination)
                    destinations[key] = create_repository(
                        copy.repository,
                        desired(),
                        destination_registry,
                        say,
                        warn,
                        tags=item.image.tag_names,
                        by_address=True,
                    )
                except EcrTasksError as error:
                    destinations[key] = error
    return snapshot.with_created(created, destinations)
