"""TODO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ecr_tasks.errors import SettingsError


@dataclass(frozen=True)
class Asked:
    """Who shall be let in, as far as it is known; None where it is not.

    ``repository_url`` is the web address. ``organization`` and ``project`` are what the CI knows them by, an id
    where it uses ids; ``environment`` is a deployment environment, and ``tag`` a pattern such as ``v*``.
    """

    account: str
    partition: str = "aws"
    repository_url: str | None = None
    branch: str | None = None
    tag: str | None = None
    environment: str | None = None
    organization: str | None = None
    project: str | None = None
    audience: str | None = None


@dataclass(frozen=True)
class Subject:
    """What a CI writes into its tokens.

    ``issuer`` is the provider's address without ``https://``; ``subjects`` are patterns already escaped for
    IAM. ``notes`` are what a person must know to use the policy.
    """

    issuer: str
    audience: str
    subjects: tuple[str, ...]
    notes: tuple[str, ...] = ()


def literal(text: str) -> str:
    """A text in a policy that means itself: ``*``, ``?`` and ``$`` would mean more (IAM, Policy variables)."""
    return re.sub(r"[*?$]", lambda match: "${" + match[0] + "}", text)


def pattern(text: str) -> str:
    """A user's pattern, in which ``*`` and ``?`` keep their meaning and ``$`` has none."""
    return text.replace("$", "${$}")


def need(value: str | None, what: str, option: str) -> str:
    """The value; SettingsError that names the option which gives it."""
    if not value:
        raise SettingsError(f"{what} is not known here.", f"Say it with --{option}.")
    return value


def refs(asked: Asked) -> Sequence[tuple[str, str]]:
    """The branch and the tags to let in, as (``heads`` or ``tags``, pattern)."""
    found = []
    if asked.branch:
        found.append(("heads", literal(asked.branch)))
    if asked.tag:
        found.append(("tags", pattern(asked.tag)))
    if not found:
        raise SettingsError("The branch is not known here.", "Say it with --branch (or --tag, for tags).")
    return found


def _has_wildcard(text: str) -> bool:
    return bool(re.search(r"[*?]", re.sub(r"\$\{.\}", "", text)))
