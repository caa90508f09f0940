"""The state of the registries and the engine at the time of a run: a plan's inputs besides settings and source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Engine
    from ecr_tasks.source.git.history import Relation

CopyKey = tuple[str, Destination]
"""The key of one image's copy: the image's repository in the settings' registry, and the destination."""

FRESH_SECONDS = 2.0
"""How long what was read of the registries counts as read just now."""

COMPLETE_SECONDS = 60.0
"""How long an image counts as complete that was read with all its tags, of which none is to be set."""


def is_fresh(age: float) -> bool:
    """Return whether the registries were read just now; ``age`` is how many seconds ago."""
    return age < FRESH_SECONDS


@dataclass(frozen=True)
class GitProof:
    """What git tells of an image's inputs beside those of published images.

    ``commits`` are those whose inputs are the same; ``published`` is an image of one of them, with its manifest;
    without one, ``difference`` is why, as a clause.
    """

    commits: frozenset[str] = frozenset()
    published: StoredImage | None = None
    difference: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """The state of repositories, destinations and the engine.

    ``repositories`` are in the settings' registry, by name. ``destinations`` has an error where a destination could
    not be read. ``replicated`` are the copies that ECR makes by its own replication rules. ``same_repository`` are
    the copies whose destination is the settings' own repository; only repositories that don't exist yet are in it.
    ``relations`` are git's, of the commits of images that have moving tags to the commit to publish, by commit.
    ``unchanged`` has what git says of each image, by its name, whose inputs may be those of a published one.
    ``engine`` is None where nothing depends on it, and an error where it could not be read.
    """

    repositories: Mapping[str, RepositoryView]
    destinations: Mapping[CopyKey, RepositoryView | EcrTasksError] = field(default_factory=dict)
    replicated: Collection[CopyKey] = frozenset()
    same_repository: Collection[CopyKey] = frozenset()
    engine: Engine | EcrTasksError | None = None
    relations: Mapping[str, Relation] = field(default_factory=dict)
    unchanged: Mapping[str, GitProof] = field(default_factory=dict)

    def with_created(
        self,
        repositories: Mapping[str, RepositoryView],
        destinations: Mapping[CopyKey, RepositoryView | EcrTasksError],
    ) -> Snapshot:
        """Return the snapshot with the repositories that were created since, in place of the missing ones."""
        return replace(
            self,
            repositories={**self.repositories, **repositories},
            destinations={**self.destinations, **destinations},
        )
