"""What a registry holds: repositories, their tag mutability, images; and which tags it would let us move.

Data and pure decisions; ``ecr/`` fills these in from the API.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ecr_tasks.model.manifest import StoredImage

Mutability = Literal["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"]


@dataclass(frozen=True)
class Repository:
    """One ECR repository, as DescribeRepositories tells it."""

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
        """Whether a tag that exists here can no longer be pointed at another image.

        ``*_WITH_EXCLUSION`` turns the rule round for tags that one of the filters matches (ECR API model,
        ImageTagMutabilityExclusionFilter: whole-tag wildcards).
        """
        excluded = any(wildcard_matches(pattern, tag) for pattern in self.exclusions)
        if self.mutability == "IMMUTABLE_WITH_EXCLUSION":
            return not excluded
        if self.mutability == "MUTABLE_WITH_EXCLUSION":
            return excluded
        return self.mutability == "IMMUTABLE"


def wildcard_matches(pattern: str, tag: str) -> bool:
    """Whether ECR's whole-tag wildcard matches: ``*`` is any run of characters, everything else is itself."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == tag
    if not tag.startswith(first):
        return False
    position = len(first)
    for part in rest[:-1]:
        found = tag.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return tag.endswith(rest[-1]) and len(tag) - len(rest[-1]) >= position


@dataclass(frozen=True)
class RegistryToken:
    """What `docker login` needs for one registry host; the password lives twelve hours."""

    host: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class RepositoryView:
    """What one look at the registry found: the repository, if there is one, and the tags asked for."""

    repository: Repository | None
    tags: Mapping[str, StoredImage] = field(default_factory=dict)


def missing(view: RepositoryView, tags: Sequence[str]) -> tuple[str, ...]:
    """Those of the tags that the repository does not have."""
    return tuple(tag for tag in tags if tag not in view.tags)


def registry_secrets(token: RegistryToken) -> tuple[str, str]:
    """What must not be seen of a registry login: the password, and docker's form of user and password."""
    joined = f"{token.username}:{token.password}".encode()
    return token.password, base64.b64encode(joined).decode()
