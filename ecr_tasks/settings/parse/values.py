"""Parsers of single values. Where people commonly write something else, the error says what to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ecr_tasks.settings.errors import Malformed

Word = TypeVar("Word", bound=str)

_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)

# ECR's API model, RepositoryName: 2 to 256 characters of this.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_MAX_LENGTH = 256

_ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+")
_OTHER_HOST = re.compile(r"localhost|public\.ecr\.aws|ecr-public\.aws\.com|[\w.-]+:\d+")


def stripped_text(text: str) -> str:
    """Return any text, without the spaces and line breaks around it that CI systems leave."""
    return text.strip()


def verbatim_text(text: str) -> str:
    """Return any text as it is: a line break at its end means that it holds lines."""
    return text


def file(text: str) -> Path | None:
    """Parse a file's path, relative to the project."""
    text = text.strip()
    return Path(text) if text else None


def word(text: str) -> str:
    """Parse a name: one word that no command takes for a flag."""
    text = text.strip()
    if re.search(r"\s", text) or text.startswith("-"):
        raise Malformed(f"must be one word that doesn't begin with -, not {text!r}")
    return text


def boolean(text: str) -> bool:
    """Parse true/false, 1/0, yes/no or on/off, in any case."""
    lowered = text.strip().lower()
    if lowered not in _TRUE + _FALSE:
        raise Malformed(f"must be true or false, not {text.strip()!r}")
    return lowered in _TRUE


def choice(*words: Word) -> Callable[[str], Word]:
    """Return a parser that takes these words, in any case, and no other."""

    def parse(text: str) -> Word:
        for word in words:
            if word == text.strip().lower():
                return word
        raise Malformed(f"must be {', '.join(words[:-1])} or {words[-1]}, not {text.strip()!r}")

    return parse


def account_id(text: str) -> str:
    """Parse an account's id: twelve digits (ECR's API model, RegistryId)."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{12}", text):
        return text
    digits = re.sub(r"[\s-]", "", text)
    if re.fullmatch(r"[0-9]{12}", digits):
        raise Malformed(f"must be 12 digits and nothing else: write {digits}")
    if re.fullmatch(r"[0-9]{1,11}", text):
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
    if _REGION.fullmatch(text):
        return text
    suggestion = re.sub(r"(\d)[a-z]$", r"\1", re.sub(r"[_\s]+", "-", text.lower()))
    if _REGION.fullmatch(suggestion):
        reason = "is an availability zone" if suggestion == text[:-1] else "isn't how AWS writes it"
        raise Malformed(f"must be a region, and {text!r} {reason}: write {suggestion}")
    raise Malformed(f"must be a region such as eu-central-1, not {text!r}")


def role_arn(text: str) -> str:
    """Parse a role's ARN, in any partition."""
    text = text.strip()
    if not _ROLE.fullmatch(text):
        raise Malformed(f"must be a role's ARN such as arn:aws:iam::123456789012:role/push, not {text!r}")
    return text


def repository(text: str) -> str:
    """Parse a repository's name in ECR's grammar: without host, tag or digest."""
    text = text.strip()
    if _REPOSITORY.fullmatch(text):
        if not 2 <= len(text) <= _MAX_LENGTH:
            raise Malformed(f"must have 2 to {_MAX_LENGTH} characters, and {text[:40]!r} has {len(text)}")
        return text
    raise Malformed(_repository_error(text))


def repository_prefix(text: str) -> str:
    """Parse the beginning of targets' repositories, and end it with a separator: ``team`` means ``team/``."""
    text = text.strip()
    base = text[:-1] if text.endswith(("/", "-", "_", ".")) else text
    if not _REPOSITORY.fullmatch(base):
        raise Malformed(_repository_error(base))
    # One more character makes the shortest repository name.
    if len(base) > _MAX_LENGTH - 2:
        raise Malformed(f"leaves no room for a target's name: a repository has at most {_MAX_LENGTH} characters")
    return text if text != base else f"{base}/"


def _repository_error(text: str) -> str:
    """Return what is wrong with a repository's name, and what to write instead."""
    reasons, hint = [], ""
    # Without a user's name and password before the host, which the message must not show.
    text = re.sub(r"^(\w+://)?[^/@]+@(?!sha256:)", r"\1", text)
    name = re.sub(r"^(https?|docker)://", "", text)
    host, slash, rest = name.partition("/")
    ecr = _ECR_HOST.fullmatch(host)
    if slash and (ecr or _OTHER_HOST.fullmatch(host)):
        name = rest
        reasons.append("the registry's host")
        if ecr:
            hint = f"; the host goes into AWS_ACCOUNT_ID={ecr['account']} and AWS_REGION={ecr['region']}"
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
    if reasons and _REPOSITORY.fullmatch(name) and len(name) >= 2:
        return f"must be the repository's name without {' or '.join(reasons)}: write {name}{hint}"
    return f"must be lower-case letters and digits joined by . _ __ - or /, like team/app, not {text[:80]!r}"
