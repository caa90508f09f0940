"""What the registries and the engine hold when a run looks at them: what a plan needs besides settings and source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.ports import Engine
from ecr_tasks.model.registry import RepositoryView

Copy = tuple[str, Destination]
"""One image in one more registry: the repository that it has in the settings' registry, and the destination."""


@dataclass(frozen=True)
class Snapshot:
    """The answers to a run's questions.

    ``repositories`` are the settings' registry's, by name. ``destinations`` has an error where a destination could
    not be asked. ``replicated`` are the copies that ECR makes by its own replication rules. ``own`` are destinations
    that are the settings' repository itself, of those that exist neither here nor there. ``engine`` is None where
    nothing depends on it, and an error where it could not be asked.
    """

    repositories: Mapping[str, RepositoryView]
    destinations: Mapping[Copy, RepositoryView | EcrTasksError] = field(default_factory=dict)
    replicated: Collection[Copy] = frozenset()
    own: Collection[Copy] = frozenset()
    engine: Engine | EcrTasksError | None = None

    def with_created(
        self, repositories: Mapping[str, RepositoryView], destinations: Mapping[Copy, RepositoryView | EcrTasksError]
    ) -> Snapshot:
        """Return the snapshot with these repositories in place of the ones that were missing."""
        return replace(
            self,
            repositories={**self.repositories, **repositories},
            destinations={**self.destinations, **destinations},
        )
