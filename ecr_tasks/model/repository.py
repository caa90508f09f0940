"""The desired state of a repository (settings), its actual state (ECR), and the differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from types import MappingProxyType
from typing import Any, Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.registry import Mutability, Repository


@dataclass(frozen=True)
class DesiredRepository:
    """A repository as the settings want it; values that are None, and other AWS tags, are left unchanged.

    ``lifecycle`` and ``policy`` are valid JSON texts; ``notes`` are sentences about what ECR can't do.
    """

    mutability: Mutability = "MUTABLE"
    filters: tuple[str, ...] = ()
    scan_on_push: bool = True
    kms_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lifecycle: str | None = None
    policy: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RepositoryState:
    """A repository as ECR has it: DescribeRepositories, ListTagsForResource and the two policies."""

    repository: Repository
    arn: str
    scan_on_push: bool = False
    encryption: str = "AES256"
    kms_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lifecycle: str | None = None
    policy: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether it is one of ECR Public, which has only AWS tags here."""
        return self.arn.split(":")[2] == "ecr-public"


Aspect = Literal["mutability", "scan-on-push", "tags", "lifecycle-policy", "repository-policy", "encryption"]
"""An aspect of a repository; differences of a whole registry's settings have others."""


@dataclass(frozen=True)
class Difference:
    """One aspect that differs; ``now`` and ``wanted`` are lines of text. Only encryption isn't changeable."""

    aspect: Aspect | str
    now: tuple[str, ...]
    wanted: tuple[str, ...]
    changeable: bool = True

    @property
    def lines(self) -> list[str]:
        """Return the aspect's name, and below it the lines to remove (-) and to add (+)."""
        import difflib

        title = self.aspect if self.changeable else f"{self.aspect} (can't be changed once a repository is created)"
        changes = difflib.ndiff(self.now, self.wanted)
        return [title, *(f"  {line}" for line in changes if line[:1] in "-+")]

    def as_json(self) -> dict[str, Any]:
        """Return the difference as `repo.ensure --json` shows it."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """One repository as it is, as the settings want it, and the differences.

    ``state`` is None if the repository doesn't exist; ``expiring`` is how many images a new lifecycle policy would
    expire.
    """

    name: str
    desired: DesiredRepository
    state: RepositoryState | None
    differences: tuple[Difference, ...] = ()
    expiring: int | None = None

    @property
    def is_as_desired(self) -> bool:
        """Return whether the repository exists and has no differences."""
        return self.state is not None and not self.differences

    def as_json(self) -> dict[str, Any]:
        """Return the repository's entry in `repo.ensure --json`."""
        return {
            "name": self.name,
            "exists": self.state is not None,
            "differences": [difference.as_json() for difference in self.differences],
            "would_expire": self.expiring,
            "notes": list(self.desired.notes),
        }
