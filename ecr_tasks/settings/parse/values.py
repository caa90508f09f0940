"""What a single value must look like, and what to write instead where people commonly write something else.

Every parser takes the text and returns the value, or raises :class:`Malformed` with what is wrong, said so
that it goes on from the setting's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ecr_tasks.settings.errors import Malformed

_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)

# ECR's API model, RepositoryName: 2 to 256 characters of this.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_LONGEST = 256

_ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+")
_OTHER_HOST = re.compile(r"localhost|public\.ecr\.aws|ecr-public\.aws\.com|[\w.-]+:\d+")


def text(given: str) -> str:
    """Anything, without the space and line break around it that CI systems leave."""
    return given.strip()


def verbatim(given: str) -> str:
    """Anything, as it is: a line break at its end says that it holds lines."""
    return given


def word(given: str) -> str:
    """A name: no space in it, and nothing that a command would take for a flag."""
    given = given.strip()
    if re.search(r"\s", given) or given.startswith("-"):
        raise Malformed(f"must be one word that doesn't begin with -, not {given!r}")
    return given


def boolean(given: str) -> bool:
    """true/false, 1/0, yes/no or on/off, in any case."""
    lowered = given.strip().lower()
    if lowered not in _TRUE + _FALSE:
        raise Malformed(f"must be true or false, not {given.strip()!r}")
    return lowered in _TRUE


def choice(*allowed: str) -> Callable[[str], str]:
    """A parser that takes these words and no other."""

    def parse(given: str) -> str:
        lowered = given.strip().lower()
        if lowered not in allowed:
            words = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
            raise Malformed(f"must be {words}, not {given.strip()!r}")
        return lowered

    return parse


def account_id(given: str) -> str:
    """Twelve digits (ECR's API model, RegistryId)."""
    given = given.strip()
    if re.fullmatch(r"[0-9]{12}", given):
        return given
    bare = re.sub(r"[\s-]", "", given)
    if re.fullmatch(r"[0-9]{12}", bare):
        raise Malformed(f"must be 12 digits and nothing else: write {bare}")
    if re.fullmatch(r"[0-9]{1,11}", given):
        raise Malformed(
            f"must be 12 digits, and {given} has {len(given)}: if a spreadsheet or YAML took it for a number "
            f"and dropped a leading zero, write {given.zfill(12)} (in quotes)"
        )
    if re.fullmatch(r"[0-9]+", given):
        raise Malformed(f"must be 12 digits, and {given} has {len(given)}")
    raise Malformed(f"must be 12 digits, not {given!r}")


def region(given: str) -> str:
    """A region's name such as eu-central-1."""
    given = given.strip()
    if _REGION.fullmatch(given):
        return given
    meant = re.sub(r"(\d)[a-z]$", r"\1", re.sub(r"[_\s]+", "-", given.lower()))
    if _REGION.fullmatch(meant):
        why = " is an availability zone" if meant == given[:-1] else " isn't how AWS writes it"
        raise Malformed(f"must be a region, and {given!r}{why}: write {meant}")
    raise Malformed(f"must be a region such as eu-central-1, not {given!r}")


def role_arn(given: str) -> str:
    """A role's ARN, in any partition."""
    given = given.strip()
    if not _ROLE.fullmatch(given):
        raise Malformed(f"must be a role's ARN such as arn:aws:iam::123456789012:role/push, not {given!r}")
    return given


def repository(given: str) -> str:
    """A repository's name in ECR's grammar: without host, tag or digest."""
    given = given.strip()
    if _REPOSITORY.fullmatch(given):
        if not 2 <= len(given) <= _LONGEST:
            raise Malformed(f"must have 2 to {_LONGEST} characters, and {given[:40]!r} has {len(given)}")
        return given
    raise Malformed(_instead(given))


def repository_prefix(given: str) -> str:
    """What a target's repository begins with, ending in its separator: ``team`` means ``team/``."""
    given = given.strip()
    base = given[:-1] if given.endswith(("/", "-", "_", ".")) else given
    if not _REPOSITORY.fullmatch(base):
        raise Malformed(_instead(base))
    # One more character makes the shortest repository name.
    if len(base) > _LONGEST - 2:
        raise Malformed(f"leaves no room for a target's name: a repository has at most {_LONGEST} characters")
    return given if given != base else f"{base}/"


def _instead(given: str) -> str:
    """What is wrong with a repository's name, and what to write instead."""
    reasons, also = [], ""
    # A name and password before the host are nobody's business, and not repeated.
    given = re.sub(r"^(\w+://)?[^/@]+@(?!sha256:)", r"\1", given)
    name = re.sub(r"^(https?|docker)://", "", given)
    host, slash, rest = name.partition("/")
    ecr = _ECR_HOST.fullmatch(host)
    if slash and (ecr or _OTHER_HOST.fullmatch(host)):
        name = rest
        reasons.append("the registry's host")
        if ecr:
            also = f"; the host goes into AWS_ACCOUNT_ID={ecr['account']} and AWS_REGION={ecr['region']}"
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
        return f"must be the repository's name without {' or '.join(reasons)}: write {name}{also}"
    return f"must be lower-case letters and digits joined by . _ __ - or /, like team/app, not {given[:80]!r}"


def context(given: str) -> str:
    """A folder, or a remote context; never stdin, which can't be read twice."""
    given = given.strip()
    if given == "-":
        raise Malformed("can't be - (standard input): name a folder or a URL")
    return given


def dockerfile(given: str) -> str:
    """A Dockerfile's path; never stdin."""
    given = given.strip()
    if given == "-":
        raise Malformed("can't be - (standard input): name a file")
    return given
