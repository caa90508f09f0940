"""Create repositories that are missing, as the settings want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.ports import Target
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.repository import DesiredRepository
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.repository.diff import describe_mutability
from ecr_tasks.plan.snapshot import Snapshot

PARALLEL = 8
"""How many repositories are created at once."""


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
    retrier: Retrier,
) -> tuple[Snapshot, Mapping[str, EcrTasksError]]:
    """Create the repositories that the plan lists as missing, several at a time, and return the snapshot with them.

    An error at a destination becomes part of the snapshot and does not stop the others; those of the settings'
    registry are returned by repository. Raises the errors of ``desired``.
    """
    missing = {item.image.repository: item.image.tag_names for item in items if item.creates_repository}

    def create(name: str) -> RepositoryView | EcrTasksError:
        try:
            return create_repository(name, wanted, registry, say, warn, tags=missing[name])
        except EcrTasksError as error:
            return error

    created: dict[str, RepositoryView] = {}
    failed: dict[str, EcrTasksError] = {}
    if missing:
        wanted = desired()
        registry.connect()  # which threads must not do
        for name, result in zip(missing, map_parallel(create, [*missing], PARALLEL, retrier), strict=True):
            if isinstance(result, EcrTasksError):
                failed[name] = result
            else:
                created[name] = result
    destinations: dict[tuple[str, Destination], RepositoryView | EcrTasksError] = {}
    for item in items:
        for copy in item.copies:
            if copy.creates_repository and item.image.repository not in failed:
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
    return snapshot.with_created(created, destinations), failed
