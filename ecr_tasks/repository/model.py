"""A repository as it should be, and as ECR says that it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ecr_tasks.registry import Mutability, Repository


@dataclass(frozen=True)
class Desired:
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
