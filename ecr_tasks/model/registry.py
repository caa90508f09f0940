"""A registry's repositories with their tag mutability and tags, and the token for a registry."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.redaction import keep_secret

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
        """The registry's host (and port), cut from the URI, because its form differs between AWS partitions."""
        return self.uri.removesuffix("/" + self.name)

    def locks(self, tag: str) -> bool:
        """Return whether a tag that exists here can no longer be pointed at another image.

        ``*_WITH_EXCLUSION`` inverts the rule for tags that one of the filters matches (ECR API model,
        ImageTagMutabilityExclusionFilter: whole-tag wildcards).
        """
        excluded = any(wildcard_matches(pattern, tag) for pattern in self.exclusions)
        return self.mutability.startswith("IMMUTABLE") != (excluded and self.mutability.endswith("_WITH_EXCLUSION"))


def wildcard_matches(pattern: str, tag: str) -> bool:
    """Return whether a wildcard pattern of ECR's matches the whole tag; only ``*`` is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), tag, re.DOTALL) is not None


RENEWED_BEFORE = 15 * 60
"""Seconds before its end at which a token is renewed, because an image may take long on its way. botocore does the
same with the credentials of roles."""


@dataclass(frozen=True)
class RegistryToken:
    """The credentials of `docker login` for one registry host, valid until ``expires`` (Unix seconds).

    ECR gives them for twelve hours (API reference, GetAuthorizationToken). ``current`` returns the token to use now,
    which is another one than the refused token that it is given.
    """

    host: str
    username: str
    password: str = field(repr=False)
    expires: float = math.inf
    current: Callable[[RegistryToken | None], RegistryToken] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        keep_secret(self.password, self.auth)

    @property
    def auth(self) -> str:
        """The ``auth`` value of docker's config file: user and password in base64, as secret as the password."""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def is_stale(self, now: float) -> bool:
        """Return whether it is time to renew the token."""
        return now > self.expires - RENEWED_BEFORE

    def renewed(self, *, refused: bool = False) -> RegistryToken:
        """Return the token to use now for the same host, if it is time for another one or this one was ``refused``.

        Raises EcrTasksError when there is none.
        """
        return replace(self.current(self if refused else None), host=self.host) if self.current else self


@dataclass(frozen=True)
class RepositoryView:
    """A repository, if it exists, and the images by tag of those requested tags that exist.

    With ``template``, a creation template's prefix, the repository is what ECR creates by it with the first push.
    """

    repository: Repository | None
    tags: Mapping[str, StoredImage] = field(default_factory=dict)
    template: str = ""
