"""Policies as IAM and ECR take them: of who calls, of another account's repositories, of who assumes a role."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.account import Need

VERSION = "2012-10-17"

MANAGED_CHARACTERS = 6144
"""The largest managed policy, white space not counted (IAM user guide, "IAM and AWS STS quotas")."""

_PRINCIPAL = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):(?:root|(?:role|user)/[\w+=,.@/-]+)"
)
_NOT_BY_REPOSITORY = ("ecr:CreateRepository", "ecr:TagResource", "ecr:ListTagsForResource")
"""Actions on repositories that no policy of a repository's own can allow: it isn't there yet, or they are of its ARN
(ECR user guide, "Private repository policies")."""


def identity_policy(needs: Iterable[Need]) -> dict[str, Any]:
    """Return the policy of the role or user that runs the tasks; actions on the same resources share a statement.

    Names of repositories that would make it too large are replaced by what they begin with. Raises SettingsError
    where they begin differently.
    """
    document = _document(_statements(needs))
    if size_of(document) <= MANAGED_CHARACTERS:
        return document
    short = _document([{**item, "Resource": _shortened(item["Resource"])} for item in document["Statement"]])
    if size_of(short) > MANAGED_CHARACTERS:
        raise SettingsError(
            f"The policy would have {size_of(document)} characters, and IAM takes {MANAGED_CHARACTERS}.",
            "Let the repositories' names begin with the same words (ECR_REPOSITORY_PREFIX=team/), or print it for "
            "a part of the images, with ECR_REPOSITORY.",
        )
    return short


def repository_policy(needs: Iterable[Need], account: str, principal: str) -> dict[str, Any]:
    """Return the policy of the repositories in one account, by which it lets a principal of another one in.

    It has no resource: ECR takes none there (API reference, SetRepositoryPolicy).
    """
    actions = dict.fromkeys(
        need.action
        for need in needs
        if need.action.startswith("ecr:") and _account_of(need.resource) == account
        if need.action not in _NOT_BY_REPOSITORY
    )
    statement = {"Sid": "EcrTasks", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": sorted(actions)}
    return _document([statement])


def caller_policy(role_arn: str) -> dict[str, Any]:
    """Return the policy of those who assume a role with credentials of their own."""
    return _document([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role_arn}])


def role_trust_policy(principal: str, external_id: str | None) -> dict[str, Any]:
    """Return the trust policy of a role that a principal of another account assumes, with its external id if any."""
    condition = {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **condition}
    return _document([statement])


def parse_principal(text: str) -> tuple[str, str, str]:
    """Return a principal's ARN, partition and account; an account's number is not enough, for want of the partition.

    Raises SettingsError for what a policy can't name.
    """
    match = _PRINCIPAL.fullmatch(text)
    if match is None:
        raise SettingsError(
            f"{text[:200]!r} is no role, user or account that a policy can name.",
            "Write its ARN, such as arn:aws:iam::123456789012:role/ecr-push or arn:aws:iam::123456789012:root.",
        )
    return text, match["partition"], match["account"]


def other_accounts(needs: Iterable[Need], account: str) -> tuple[str, ...]:
    """Return the accounts whose private repositories are needed, other than this one."""
    found = (_account_of(need.resource) for need in needs if need.action.startswith("ecr:"))
    return tuple(dict.fromkeys(other for other in found if other not in ("", account)))


def size_of(document: Mapping[str, Any]) -> int:
    """Return the characters of a policy as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":")))


def _document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": VERSION, "Statement": list(statements)}


def _statements(needs: Iterable[Need]) -> list[dict[str, Any]]:
    """Return the statements: one for all actions that have the same resources and the same condition."""
    resources: dict[tuple[str, str], dict[str, None]] = {}
    for need in needs:
        condition = json.dumps(need.condition, sort_keys=True)
        resources.setdefault((need.action, condition), {})[need.resource] = None
    groups: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (action, condition), found in resources.items():
        groups.setdefault((tuple(found), condition), []).append(action)
    return [
        {
            "Effect": "Allow",
            "Action": _one_or_all(sorted(actions)),
            "Resource": _one_or_all(found),
            **({"Condition": json.loads(condition)} if condition != "{}" else {}),
        }
        for (found, condition), actions in groups.items()
    ]


def _shortened(resources: str | Sequence[str]) -> str | Sequence[str]:
    """Return resources with the repositories of one registry that begin with the same words as one pattern."""
    if isinstance(resources, str):
        return resources
    by_registry: dict[str, list[str]] = {}
    for resource in resources:
        registry, _, name = resource.partition(":repository/")
        by_registry.setdefault(registry, []).append(name)
    short: list[str] = []
    for registry, names in by_registry.items():
        common = _common_beginning(names)
        short += [f"{registry}:repository/{common}*"] if common else [_join(registry, name) for name in names]
    return short


def _common_beginning(names: Sequence[str]) -> str:
    """Return the whole words that several names begin with, such as ``team/``."""
    first, last = min(names), max(names)  # which differ first where any two of them do
    same = next((i for i, letters in enumerate(zip(first, last, strict=False)) if len({*letters}) > 1), len(first))
    return re.sub(r"[^/._-]*$", "", first[:same]) if len(names) > 1 else ""


def _join(registry: str, name: str) -> str:
    return f"{registry}:repository/{name}" if name else registry


def _account_of(arn: str) -> str:
    return arn.split(":")[4] if arn.count(":") > 4 else ""


def _one_or_all(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else list(values)
