"""The trust policy of a role that a CI assumes with its OpenID Connect token, for one repository and its refs.

Source: IAM User Guide, "Create a role for OpenID Connect federation".
"""

from __future__ import annotations

from typing import Any

from ecr_tasks.ci.oidc.issuer import Scope, Subject, has_wildcard
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.errors import SettingsError


def token_subject(name: str, scope: Scope) -> Subject:
    """Return the subject, issuer and audience of a CI's tokens for the runs in the scope; ``name`` is the CI's.

    Raises SettingsError for an unknown CI, for one that issues no tokens, and when a value is missing.
    """
    issuers = ", ".join(sorted(system.name for system in SYSTEMS.values() if not system.no_oidc))
    system = SYSTEMS.get(name)
    if system is None:
        raise SettingsError(f"There is no CI called {name!r} here.", f"Choose one of {issuers}.")
    issuer = system.issuer()
    if issuer is None:
        raise SettingsError(
            f"There is no trust policy to write for {name}: {system.no_oidc}.",
            f"Use an AWS role of the machine that runs the jobs, or stored keys; `iam.trust` knows {issuers}.",
        )
    return issuer.subject(scope)


def trust_policy(scope: Scope, subject: Subject) -> dict[str, Any]:
    """Return the policy document: StringLike for subjects with a wildcard, StringEquals for the rest."""
    equals: dict[str, Any] = {f"{subject.issuer}:aud": subject.audience}
    condition: dict[str, Any] = {"StringEquals": equals}
    patterns: str | list[str] = list(subject.subjects) if len(subject.subjects) > 1 else subject.subjects[0]
    if any(has_wildcard(pattern) for pattern in subject.subjects):
        condition["StringLike"] = {f"{subject.issuer}:sub": patterns}
    else:
        equals[f"{subject.issuer}:sub"] = patterns
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn(scope, subject)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def provider_arn(scope: Scope, subject: Subject) -> str:
    """Return the ARN of the IAM identity provider that the role's account must have."""
    return f"arn:{scope.partition}:iam::{scope.account}:oidc-provider/{subject.issuer}"
