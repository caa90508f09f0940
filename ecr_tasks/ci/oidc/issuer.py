"""The issuer of a CI system's tokens (each ``oidc.py`` has one) and the claims that a trust policy compares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from ecr_tasks.ci.oidc.tokens import TokenSource
from ecr_tasks.errors import SettingsError
from ecr_tasks.frozen import dataclass


@dataclass(frozen=True)
class Scope:
    """The account of a role and the runs that may assume it; None for what is not known.

    ``repository_url`` is the web address. ``organization`` and ``project`` are ids or slugs that the CI gives,
    ``environment`` is a deployment environment, and ``tag`` a pattern such as ``v*``.
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
    """The claims of a CI's tokens that a trust policy compares.

    ``issuer`` is the provider's address without ``https://``; ``subjects`` are patterns already escaped for
    IAM. ``notes`` are sentences for the person who uses the policy.
    """

    issuer: str
    audience: str
    subjects: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Issuer:
    """How a system's jobs get a token, and what the token says.

    ``token_source`` returns where a job with these variables gets its token; None when the CI offers none; then
    ``hint`` is the remedy for people. ``subject`` returns the token's issuer, audience and subjects for the runs in a
    scope, and raises SettingsError when a value that it needs is None. ``organization_variable`` and
    ``project_variable`` name the variables that contain the scope's organization and project in a job.
    """

    token_source: Callable[[Mapping[str, str]], TokenSource | None]
    subject: Callable[[Scope], Subject]
    hint: str
    organization_variable: str = ""
    project_variable: str = ""


def literal(text: str) -> str:
    """Return the text for a policy, with ``*``, ``?`` and ``$`` escaped (IAM User Guide, Policy variables)."""
    return re.sub(r"[*?$]", lambda match: "${" + match[0] + "}", text)


def pattern(text: str) -> str:
    """Return the pattern for a policy: ``*`` and ``?`` keep their meaning, ``$`` is escaped."""
    return text.replace("$", "${$}")


def has_wildcard(text: str) -> bool:
    """Return whether a text of a policy has a ``*`` or ``?`` that is not escaped."""
    return bool(re.search(r"[*?]", re.sub(r"\$\{.\}", "", text)))


def required(value: str | None, what: str, option: str) -> str:
    """Return the value. Raises SettingsError, with the option that sets it, when it is None or empty."""
    if not value:
        raise SettingsError(f"{what} is not known here.", f"Say it with --{option}.")
    return value


def repository_parts(scope: Scope) -> tuple[str, str]:
    """Return the host and the path of the scope's repository. Raises SettingsError without a web address."""
    url = required(scope.repository_url, "The repository's web address", "repository")
    parts = urlsplit(url)
    path = parts.path.strip("/").removesuffix(".git")
    if not parts.netloc or not path:
        raise SettingsError(f"{url} is no web address of a repository.", "Say it with --repository https://…")
    return parts.netloc, path


def ref_patterns(scope: Scope) -> Sequence[tuple[str, str]]:
    """Return the scope's branch and tags as (``heads`` or ``tags``, pattern). Raises SettingsError without either."""
    patterns = [("heads", literal(scope.branch or "")), ("tags", pattern(scope.tag or ""))]
    patterns = [(kind, text) for kind, text in patterns if text]
    if not patterns:
        raise SettingsError("The branch is not known here.", "Say it with --branch (or --tag, for tags).")
    return patterns
