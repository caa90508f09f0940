"""Parsers of destinations: where images are copied to, and who copies there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from ecr_tasks.errors import nearest
from ecr_tasks.model.destination import PUBLIC_HOST, PUBLIC_REGION, Destination, Identity
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.address import parse_address
from ecr_tasks.settings.parse.lists import Field, csv_fields, split_lines
from ecr_tasks.settings.parse.registry import PUBLIC_ALIAS, account_id, checked_name, region, role_arn

# STS's API model, externalIdType.
_EXTERNAL_ID = r"(?a)[\w+=,.@:/-]{2,1224}"


def external_id(text: str) -> str:
    """Parse the external id that a role's trust policy asks for."""
    if not re.fullmatch(_EXTERNAL_ID, text):
        raise Malformed("must be 2 to 1224 of letters, digits and + = , . @ : / - _")
    return text


def profile(text: str) -> str:
    """Parse the name of a profile."""
    if not text or not text.isprintable():
        raise Malformed("must be a profile's name")
    return text


_IDENTITY_FIELDS = MappingProxyType(
    {"role": ("role_arn", role_arn), "external-id": ("external_id", external_id), "profile": ("profile", profile)}
)
"""What may follow a destination: the fields of its identity with their parsers."""


def destination(text: str) -> Destination:
    """Parse a destination with its identity: a place, then ``,role=ARN``, ``,external-id=ID``, ``,profile=NAME``.

    The place is ``ACCOUNT/REGION[/REPOSITORY]``, or the address of a registry or a repository in ECR.
    """
    place, *more = csv_fields(text) or [Field("", "")]
    if place.key:
        raise Malformed(f"is {place.key[:40]}= with no destination before it on its line")
    return replace(_place(place.text), identity=_identity(more))


def _identity(fields: Sequence[Field]) -> Identity:
    values: dict[str, str] = {}
    messages = []
    for item in fields:
        name, parse = _IDENTITY_FIELDS.get(item.key, ("", None))
        key, _, value = item.text.partition("=")
        if parse is None:
            meant = nearest(item.key, [*_IDENTITY_FIELDS])
            messages.append(f"has {key.strip()[:40]!r} where role=, external-id= or profile= belongs: try {meant}=")
        elif name in values:
            messages.append(f"has {item.key}= twice")
        else:
            try:
                values[name] = parse(value.strip())
            except Malformed as error:
                messages += [f"has {item.key}=, which {message}" for message in error.messages]
    if "external_id" in values and "role_arn" not in values and not messages:
        messages.append("has an external-id= and no role=, which asks for one")
    if messages:
        raise Malformed(*messages)
    return Identity(**values)


def _place(text: str) -> Destination:
    """Parse the place of a destination."""
    address = parse_address(text)
    if address is None:
        first, _, rest = text.strip().partition("/")
        second, slash, name = rest.partition("/")
        return Destination(account_id(first), region(second), checked_name(name) if slash else None)
    name_or_none = checked_name(address.name) if address.name else None
    if address.host != PUBLIC_HOST:
        if address.is_local:
            raise Malformed(
                f"is in {address.host}, on this machine: write ACCOUNT/REGION, with or without /REPOSITORY"
            )
        return Destination(address.account, region(address.region), name_or_none)
    if not re.fullmatch(PUBLIC_ALIAS, address.alias):
        raise Malformed(f"must have the registry's alias after {PUBLIC_HOST}/, like {PUBLIC_HOST}/team")
    return Destination("", PUBLIC_REGION, name_or_none, address.alias)


def destinations(text: str) -> tuple[Destination, ...]:
    """Parse several destinations, with commas or line breaks between them; drop duplicates.

    What has a ``=`` belongs to the destination before it on its line.
    """
    parsed: dict[Destination, Destination] = {}
    messages = []
    for entry in (entry for line in split_lines(text) for entry in _entries(line)):
        try:
            item = destination(entry)
        except Malformed as error:
            messages += [f"has the entry {entry[:200]!r}, a part of which {message}" for message in error.messages]
            continue
        same = parsed.setdefault(replace(item, identity=Identity()), item)
        if same != item:
            messages.append(f"has the place {item} twice, for {same.identity} and for {item.identity}: leave one out")
    if messages:
        raise Malformed(*messages)
    return tuple(parsed.values())


def _entries(line: str) -> list[str]:
    """Return the destinations of a line, each with the fields of its identity."""
    entries: list[list[str]] = []
    for item in csv_fields(line):
        if item.key and entries:
            entries[-1].append(item.raw)
        else:
            entries.append([item.raw])
    return [",".join(entry) for entry in entries]
