"""More registries to publish to: ``ACCOUNT/REGION[/REPOSITORY]`` or ``public.ecr.aws/ALIAS[/REPOSITORY]``."""

from __future__ import annotations

import re

from ecr_tasks.model.destination import PUBLIC_HOST, PUBLIC_REGION, Destination
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import lists as entries
from ecr_tasks.settings.parse import values

# ECR Public's API model, RegistryAliasName and PrimaryRegistryAlias.
_ALIAS = re.compile(r"[a-z][a-z0-9]+(?:[._-][a-z0-9]+)*")


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
