"""A repository as it should be, and as ECR says that it is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ecr_tasks.model.registry import Mutability, Repository


@dataclass(frozen=True)
class DesiredRepository:
    """What the settings want. None and missing tags are what they leave as it is.

    ``lifecycle`` and ``policy`` are JSON texts, checked; ``notes`` are sentences on what can't be had.
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
    """What ECR says of a repository: DescribeRepositories, its resource tags and its two policies."""

    repository: Repository
    arn: str
    scan_on_push: bool = False
    encryption: str = "AES256"
    kms_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lifecycle: str | None = None
    policy: str | None = None


Aspect = Literal["mutability", "scan-on-push", "tags", "lifecycle-policy", "repository-policy", "encryption"]


@dataclass(frozen=True)
class Difference:
    """One aspect that is not as wanted. ``now`` and ``wanted`` are lines; only encryption can't be changed."""

    aspect: Aspect
    now: tuple[str, ...]
    wanted: tuple[str, ...]
    changeable: bool = True

    @property
    def lines(self) -> list[str]:
        """What to take away (-) and to add (+), under the aspect's name."""
        title = self.aspect if self.changeable else f"{self.aspect} (can't be changed once a repository is created)"
        changes = difflib.ndiff(self.now, self.wanted)
        return [title, *(f"  {line}" for line in changes if line[:1] in "-+")]

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "aspect": self.aspect,
            "now": list(self.now),
            "wanted": list(self.wanted),
            "changeable": self.changeable,
        }
