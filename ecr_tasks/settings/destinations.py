"""More registries to publish to: ``ACCOUNT/REGION[/REPOSITORY]`` or ``public.ecr.aws/ALIAS[/REPOSITORY]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecr_tasks.settings import entries, values
from ecr_tasks.settings.problems import Malformed

PUBLIC_HOST = "public.ecr.aws"
"""Where ECR Public's images are pulled from (Amazon ECR Public user guide, Public registries)."""

PUBLIC_REGION = "us-east-1"
"""The one region whose tokens and API serve ECR Public's registries (ecr.md, Tokens and hosts)."""

# ECR Public's API model, RegistryAliasName and PrimaryRegistryAlias.
_ALIAS = re.compile(r"[a-z][a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True)
class Destination:
    """A registry and, if it is another one than here, the repository there.

    ``alias`` is there for ECR Public alone, which has no account and knows one region.
    """

    account: str
    region: str
    repository: str | None = None
    alias: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether this is ECR Public."""
        return self.alias is not None

    @property
    def registry(self) -> str:
        """The registry in words."""
        if self.is_public:
            return f"public registry {PUBLIC_HOST}/{self.alias}"
        return f"registry of {self.account} in {self.region}"

    def __str__(self) -> str:
        where = f"{PUBLIC_HOST}/{self.alias}" if self.is_public else f"{self.account}/{self.region}"
        return f"{where}/{self.repository}" if self.repository else where


def destination(given: str) -> Destination:
    """One destination. Raises Malformed."""
    given = given.strip()
    first, _, rest = given.partition("/")
    second, slash, repository = rest.partition("/")
    named = values.repository(repository) if slash else None
    if first == PUBLIC_HOST:
        if not _ALIAS.fullmatch(second):
            raise Malformed(f"must have the registry's alias after {PUBLIC_HOST}/, like {PUBLIC_HOST}/team")
        return Destination("", PUBLIC_REGION, named, second)
    return Destination(values.account_id(first), values.region(second), named)


def destinations(given: str) -> tuple[Destination, ...]:
    """Several, comma-separated or one a line or both, each once. Raises Malformed with every one that is wrong."""
    found: dict[Destination, None] = {}
    wrong = []
    lines = entries.split_plain(given)
    for entry in [part for line in lines for part in line.split(",") if part.strip()]:  # no destination has a comma
        try:
            found[destination(entry)] = None
        except Malformed as error:
            wrong += [f"has the entry {entry[:200]!r}, a part of which {message}" for message in error.messages]
    if wrong:
        raise Malformed(*wrong)
    return tuple(found)
