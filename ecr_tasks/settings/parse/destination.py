"""Registries to copy to: ``ACCOUNT/REGION[/REPOSITORY]`` or ``public.ecr.aws/ALIAS[/REPOSITORY]``."""

from __future__ import annotations

import re

from ecr_tasks.model.destination import PUBLIC_HOST, PUBLIC_REGION, Destination
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import values
from ecr_tasks.settings.parse.lists import split_plain

# ECR Public's API model, RegistryAliasName and PrimaryRegistryAlias.
_ALIAS = re.compile(r"[a-z][a-z0-9]+(?:[._-][a-z0-9]+)*")


def destination(text: str) -> Destination:
    """Parse one destination."""
    first, _, rest = text.strip().partition("/")
    second, slash, name = rest.partition("/")
    repository = values.repository(name) if slash else None
    if first == PUBLIC_HOST:
        if not _ALIAS.fullmatch(second):
            raise Malformed(f"must have the registry's alias after {PUBLIC_HOST}/, like {PUBLIC_HOST}/team")
        return Destination("", PUBLIC_REGION, repository, second)
    return Destination(values.account_id(first), values.region(second), repository)


def destinations(text: str) -> tuple[Destination, ...]:
    """Parse several, comma-separated or one a line or both, and keep one of each."""
    parsed: dict[Destination, None] = {}
    messages = []
    entries = [part for line in split_plain(text) for part in line.split(",") if part.strip()]  # none has a comma
    for entry in entries:
        try:
            parsed[destination(entry)] = None
        except Malformed as error:
            messages += [f"has the entry {entry[:200]!r}, a part of which {message}" for message in error.messages]
    if messages:
        raise Malformed(*messages)
    return tuple(parsed)
