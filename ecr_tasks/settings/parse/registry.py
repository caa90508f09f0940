"""Parsers of settings that name registries and repositories, and of the options of a repository.

For common mistakes, the error message has the correct text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ecr_tasks.errors import nearest
from ecr_tasks.model.destination import PUBLIC_HOST
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.address import Address, parse_address
from ecr_tasks.settings.parse.build_options import labels
from ecr_tasks.settings.parse.lists import split_plain

MAX_FILTERS = 5
"""The number of exclusion filters that ECR accepts (API model, ImageTagMutabilityExclusionFilters)."""

# The patterns are not compiled here, because most runs use only a few of them; `re` compiles them at their first use.
_REGION = r"[a-z]{2,}(-[a-z]+)+-\d+"
_ROLE = r"(?a)arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+"
_PRINCIPAL = r"(?a)(?=.{1,200}$)arn:aws(?:-[a-z]+)*:iam::\d{12}:(?:role|user)/[\w+=,.@-]+(?:/[\w+=,.@-]+)*"
# ECR's API model, RepositoryName.
_NAME_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_NAME_PART}(?:/{_NAME_PART})*"
_MAX_LENGTH = 256
PUBLIC_ALIAS = r"[a-z][a-z0-9]+(?:[._-][a-z0-9]+)*"
"""ECR Public's API model, RegistryAliasName and PrimaryRegistryAlias."""

# ECR Public's API model, RepositoryName.
_PUBLIC_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_PUBLIC_REPOSITORY, _MAX_PUBLIC_LENGTH = rf"{_PUBLIC_PART}(?:/{_PUBLIC_PART})*", 205
# ECR's API model, ImageTagMutabilityExclusionFilterValue.
_FILTER_PATTERN, _MAX_WILDCARDS = r"[0-9a-zA-Z._*-]{1,128}", 2
# ECR's API model, TagKey and TagValue, and TagResource's documentation.
_MAX_TAGS, _MAX_TAG_KEY, _MAX_TAG_VALUE = 50, 128, 256


def principals(text: str) -> tuple[str, ...]:
    """Parse roles and users: ARNs, or caller for the credentials' own (ECR's API model, PrincipalArn)."""
    entries = tuple(dict.fromkeys(split_plain(text)))
    for entry in entries:
        if entry != "caller" and not re.fullmatch(_PRINCIPAL, entry):
            raise Malformed(f"must be caller, or ARNs such as arn:aws:iam::123456789012:role/ci, not {entry[:200]!r}")
    return entries


RUNNERS = ("ecs", "lambda", "eks", "accounts")
"""Who may run a registry's images."""


def prune_ask(text: str) -> tuple[str, ...]:
    """Parse who is asked what runs: some of RUNNERS, and further regions; ``none`` is nobody."""
    entries = tuple(dict.fromkeys(entry.lower() for entry in split_plain(text)))
    if entries == ("none",):
        return ()
    for entry in entries:
        if entry not in RUNNERS and not re.fullmatch(_REGION, entry):
            raise Malformed(f"must be {', '.join(RUNNERS)}, regions such as eu-west-1, or none, not {entry[:80]!r}")
    return entries


def account_id(text: str) -> str:
    """Parse an account's id: twelve digits (ECR's API model, RegistryId)."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{12}", text):
        return text
    digits = re.sub(r"[\s-]", "", text)
    if re.fullmatch(r"[0-9]{12}", digits):
        raise Malformed(f"must be 12 digits and nothing else: write {digits}")
    if re.fullmatch(r"[0-9]{9,11}", text):
        raise Malformed(
            f"must be 12 digits, and {text} has {len(text)}: if a spreadsheet or YAML took it for a number "
            f"and dropped a leading zero, write {text.zfill(12)} (in quotes)"
        )
    if re.fullmatch(r"[0-9]+", text):
        raise Malformed(f"must be 12 digits, and {text} has {len(text)}")
    raise Malformed(f"must be 12 digits, not {text!r}")


def region(text: str) -> str:
    """Parse a region's name such as eu-central-1."""
    text = text.strip()
    if re.fullmatch(_REGION, text):
        return text
    suggestion = re.sub(r"(\d)[a-z]$", r"\1", re.sub(r"[_\s]+", "-", text.lower()))
    if re.fullmatch(_REGION, suggestion):
        reason = "is an availability zone" if suggestion == text[:-1] else "isn't how AWS writes it"
        raise Malformed(f"must be a region, and {text!r} {reason}: write {suggestion}")
    raise Malformed(f"must be a region such as eu-central-1, not {text!r}")


def role_arn(text: str) -> str:
    """Parse a role's ARN, in any partition."""
    text = text.strip()
    if not re.fullmatch(_ROLE, text):
        raise Malformed(f"must be a role's ARN such as arn:aws:iam::123456789012:role/push, not {text!r}")
    return text


def repository(text: str) -> str:
    """Parse a repository's name, or its address in ECR, of which the name is returned.

    That of a repository of ECR Public is returned with the registry's alias, as it stands in references of images.
    """
    name, address = _name_of(text.strip(), "team/app")
    if address is not None and address.alias:
        checked_public_name(address)
    return checked_name(name)


def public_alias(text: str) -> str | None:
    """Return the alias in a setting that is an address of ECR Public; None in any other."""
    try:
        address = parse_address(text)
    except Malformed:  # the setting's own parser says what is wrong
        return None
    return address.alias or None if address is not None else None


def checked_public_name(address: Address) -> None:
    """Raise Malformed for the address of a repository that ECR Public does not take."""
    if not re.fullmatch(PUBLIC_ALIAS, address.alias):
        raise Malformed(f"must have the registry's alias after {PUBLIC_HOST}/, like {PUBLIC_HOST}/team/app")
    if not is_public_repository(address.name):
        raise Malformed(
            f"names {address.name[:80]!r}, and in ECR Public letters and digits are joined by one . _ - or /, "
            f"2 to {_MAX_PUBLIC_LENGTH} characters"
        )


def is_public_repository(name: str) -> bool:
    """Return whether ECR Public takes this name, for which it has stricter rules than private registries."""
    return 2 <= len(name) <= _MAX_PUBLIC_LENGTH and bool(re.fullmatch(_PUBLIC_REPOSITORY, name))


def repository_prefix(text: str) -> str:
    """Parse the prefix of repository names, and add a separator if it has none: ``team`` becomes ``team/``.

    It may stand in an address as a repository's name does.
    """
    stripped = text.strip()
    text, address = _name_of(stripped, "team/")
    # An address ends with a slash or without one.
    text += "/" if text != stripped and stripped.endswith("/") else ""
    base = text[:-1] if text.endswith(("/", "-", "_", ".")) else text
    if address is not None and address.alias:
        # Below the alias itself, or below a name.
        checked_public_name(replace(address, name=base.partition("/")[2] or "any"))
    if not re.fullmatch(_REPOSITORY, base):
        raise Malformed(_repository_error(base))
    # Room for the separator and one character of a target's name.
    if len(base) > _MAX_LENGTH - 2:
        raise Malformed(f"leaves no room for a target's name: a repository has at most {_MAX_LENGTH} characters")
    return text if text != base else f"{base}/"


def _name_of(text: str, example: str) -> tuple[str, Address | None]:
    """Return the name in an address and the address, or the text itself if it is no address.

    Raises Malformed for a registry's address.
    """
    address = parse_address(text)
    if address is None:
        return text, None
    if address.host == PUBLIC_HOST:
        if not address.alias or (not address.name and not example.endswith("/")):
            write = f"{PUBLIC_HOST}/{address.alias or 'ALIAS'}/{'' if example.endswith('/') else 'app'}"
            raise Malformed(f"names no repository of ECR Public: write {write}")
        return f"{address.alias}/{address.name}".rstrip("/"), address
    if not address.name:
        raise Malformed(f"names a registry and nothing in it: write {address.host}/{example}")
    return address.name, address


def checked_name(name: str) -> str:
    """Return a repository's name. Raises Malformed for one that ECR does not take."""
    if not re.fullmatch(_REPOSITORY, name):
        raise Malformed(_repository_error(name))
    if not 2 <= len(name) <= _MAX_LENGTH:
        raise Malformed(f"must have 2 to {_MAX_LENGTH} characters, and {name[:40]!r} has {len(name)}")
    return name


def _repository_error(text: str) -> str:
    """Return what is wrong with a repository's name, and what to write instead."""
    reasons = []
    # The message must not show a user name and password before the host.
    text = re.sub(r"^(\w+://)?[^/@]+@(?!sha256:)", r"\1", text)
    name = re.sub(r"^(https?|docker)://", "", text)
    host, slash, rest = name.partition("/")
    if slash and re.fullmatch(r"[\w.-]+:\d+", host):
        name = rest
        reasons.append("the registry's host")
    name, digest, _ = name.partition("@sha256:")
    if digest:
        reasons.append("a digest")
    name, tag, _ = name.partition(":")
    if tag:
        reasons.append("a tag (tags come from git)")
    if name != name.strip("/"):
        name = name.strip("/")
        reasons.append("a slash at either end")
    if name != name.lower():
        name = name.lower()
        reasons.append("upper-case letters")
    if reasons and re.fullmatch(_REPOSITORY, name) and len(name) >= 2:
        return f"must be the repository's name without {' or '.join(reasons)}: write {name}"
    return f"must be lower-case letters and digits joined by . _ __ - or /, like team/app, not {text[:80]!r}"


def mutability(text: str) -> tuple[str, ...]:
    """Parse ``rules``, ``mutable`` or ``immutable``; the last two can have ``,exclude=PATTERN;PATTERN…``.

    Returns the word and then the patterns.
    """
    words = ("rules", "mutable", "immutable")
    word, comma, rest = (part.strip() for part in text.partition(","))
    word = word.lower()
    if word not in words:
        raise Malformed(f"must be rules, mutable or immutable, not {word!r}: did you mean {nearest(word, words)}?")
    if not comma:
        return (word,)
    if word == "rules":
        raise Malformed("can't have more than the word rules: write mutable or immutable before exclude=")
    key, equals, filters = (part.strip() for part in rest.partition("="))
    if not equals or key.lower() != "exclude":
        raise Malformed(f"has {rest!r} after the comma: write for example {word},exclude=latest;pr-*")
    patterns = tuple(dict.fromkeys(part.strip() for part in re.split("[;,]", filters) if part.strip()))
    messages = []
    for pattern in patterns:
        if not re.fullmatch(_FILTER_PATTERN, pattern):
            messages.append(f"has the pattern {pattern[:40]!r}, which isn't 1 to 128 of letters, digits and . _ * -")
        elif pattern.count("*") > _MAX_WILDCARDS:
            messages.append(
                f"has the pattern {pattern!r} with more than the {_MAX_WILDCARDS} wildcards that ECR takes"
            )
    if not 1 <= len(patterns) <= MAX_FILTERS:
        messages.append(f"must have one to {MAX_FILTERS} patterns after exclude=, and has {len(patterns)}")
    if messages:
        raise Malformed(*messages)
    return (word, *patterns)


def lifecycle_policy(text: str) -> Literal["default", "off"] | Path:
    """Parse ``default``, ``off``, or a file's path."""
    text = text.strip()
    if text.lower() in ("off", "false"):  # YAML converts an unquoted off to false
        return "off"
    return "default" if text.lower() in ("default", "") else Path(text)


def resource_tags(text: str) -> Mapping[str, str]:
    """Parse ``KEY=VALUE`` entries for the AWS tags of a resource."""
    tags = {key: value.strip() for key, value in labels(text).items()}
    messages = [] if len(tags) <= _MAX_TAGS else [f"has {len(tags)} tags, and AWS takes {_MAX_TAGS}"]
    for key, value in tags.items():
        if len(key) > _MAX_TAG_KEY or len(value) > _MAX_TAG_VALUE:
            messages.append(
                f"has the tag {key[:40]!r}: a key has at most {_MAX_TAG_KEY}, a value {_MAX_TAG_VALUE} characters"
            )
        if key.lower().startswith("aws:"):
            messages.append(f"has the tag {key[:40]!r}, and what begins with aws: is AWS's own")
    if messages:
        raise Malformed(*messages)
    return MappingProxyType(tags)
