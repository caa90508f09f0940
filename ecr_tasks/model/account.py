"""Facts about AWS that decide whether a push would work, and the interface that asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Literal, Protocol

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import Identity
from ecr_tasks.model.registry import Mutability
from ecr_tasks.model.scan import Scanning


@dataclass(frozen=True)
class Credentials:
    """The credentials that the SDK found.

    ``method`` is botocore's name for their source (``env``, ``sso``, ``login``, ``assume-role`` …), ``key_end`` the
    last four letters of the access key's id. ``ends`` is when they end, for those that can't renew themselves, or
    when the session ends that renews them. ``hidden_profile`` is a profile that keys in variables hide.
    """

    method: str
    key_end: str = ""
    is_temporary: bool = False
    renews_itself: bool = False
    ends: datetime | None = None
    profile: str | None = None
    hidden_profile: str | None = None
    role: str | None = None
    """ECR_ROLE_ARN, which is assumed with them."""


@dataclass(frozen=True)
class Caller:
    """Whom STS takes us for."""

    account: str
    arn: str


@dataclass(frozen=True)
class Region:
    """The region of the registry. ``is_known`` is whether the SDK knows ECR there, ``endpoint`` where it is asked."""

    name: str
    endpoint: str
    is_known: bool = True
    is_local: bool = False
    similar: str = ""


@dataclass(frozen=True)
class CreationTemplate:
    """A repository creation template: what it is applied for, and the mutability that it gives a repository."""

    prefix: str
    applied_for: tuple[str, ...] = ()
    mutability: Mutability = "MUTABLE"
    exclusions: tuple[str, ...] = ()


Verdict = Literal["allowed", "denied", "unknown"]


@dataclass(frozen=True)
class Need:
    """An action on a resource that tasks need, and what for.

    ``resource`` is an ARN, or ``*`` for an action that IAM can't restrict to a resource. An action that is not
    ``required`` is only used where it is granted. ``condition`` is that of a policy's statement.
    """

    action: str
    resource: str
    purpose: str = ""
    required: bool = True
    condition: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Permission:
    """Whether the caller may do what is wanted, and how that is known (or why not)."""

    need: Need
    verdict: Verdict
    how: str = ""


@dataclass(frozen=True)
class IdentityFacts:
    """An identity of destinations in words, the destinations, whom STS takes it for, and what it may do there."""

    identity: str
    destinations: tuple[str, ...]
    caller: Caller | EcrTasksError
    permissions: Sequence[Permission] | EcrTasksError


class Account(Protocol):
    """Asks AWS with the settings' credentials. Every method ends within seconds; raises EcrTasksError."""

    def of_identity(self, identity: Identity, region: str) -> Account:
        """Return the same with the credentials of a destination's identity."""

    def credentials(self) -> Credentials:
        """Return the credentials. Raises AwsError where there are none, or where they have ended."""

    def caller(self) -> Caller:
        """Return whom STS takes us for."""

    def clock_ahead(self) -> float:
        """Return by how many seconds this machine's clock is ahead of AWS's; negative for behind."""

    def region(self) -> Region:
        """Return the region. Raises SettingsError without one."""

    def scanning(self) -> Scanning:
        """Return the registry's scanning."""

    def templates(self) -> Sequence[CreationTemplate]:
        """Return the registry's creation templates."""

    def permissions(self, caller: Caller, wanted: Sequence[Need]) -> Sequence[Permission]:
        """Return whether the caller may do each of the actions that are wanted."""
