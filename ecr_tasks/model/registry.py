"""What a registry holds: repositories, their tag mutability, images, and which tags may move."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ecr_tasks.model.manifest import StoredImage

Mutability = Literal["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"]


@dataclass(frozen=True)
class Repository:
    """One ECR repository, as DescribeRepositories describes it."""

    name: str
    account: str
    uri: str
    mutability: Mutability = "MUTABLE"
    exclusions: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The registry's host (and port), taken from the URI and never composed: partitions differ."""
        return self.uri.removesuffix("/" + self.name)

    def locks(self, tag: str) -> bool:
        """Return whether a tag that exists here can no longer be pointed at another image.

        ``*_WITH_EXCLUSION`` turns the rule round for tags that one of the filters matches (ECR API model,
        ImageTagMutabilityExclusionFilter: whole-tag wildcards).
        """
        excluded = any(wildcard_matches(pattern, tag) for pattern in self.exclusions)
        return self.mutability.startswith("IMMUTABLE") != (excluded and self.mutability.endswith("_WITH_EXCLUSION"))


def wildcard_matches(pattern: str, tag: str) -> bool:
    """Return whether ECR's whole-tag wildcard matches: ``*`` is any run of characters, everything else is itself."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), tag, re.DOTALL) is not None


@dataclass(frozen=True)
class RegistryToken:
    """What `docker login` needs for one registry host; the password lives twelve hours."""

    host: str
    username: str
    password: str = field(repr=False)

    @property
    def auth(self) -> str:
        """Docker's form of user and password, which is as secret as the password."""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True)
class RepositoryView:
    """The repository, if there is one, and the images of those of the requested tags that exist."""

    repository: Repository | None
    tags: Mapping[str, StoredImage] = field(default_factory=dict)
