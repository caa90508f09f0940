"""The trust policy of a role that a CI assumes by web identity, limited to one repository and branch. Pure.

The form is IAM's (User Guide, "Create a role for OpenID Connect federation"); each CI's issuer, audience and
subject are in ``subjects``.
"""

from __future__ import annotations

from typing import Any

from ecr_tasks.ci.oidc.subject import Asked, Subject, _has_wildcard


def policy(asked: Asked, subject: Subject) -> dict[str, Any]:
    """The policy document. A subject without a wildcard must be equal; the audience always."""
    equals: dict[str, Any] = {f"{subject.issuer}:aud": subject.audience}
    condition: dict[str, Any] = {"StringEquals": equals}
    told: str | list[str] = list(subject.subjects) if len(subject.subjects) > 1 else subject.subjects[0]
    if any(_has_wildcard(pattern) for pattern in subject.subjects):
        condition["StringLike"] = {f"{subject.issuer}:sub": told}
    else:
        equals[f"{subject.issuer}:sub"] = told
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider_arn(asked, subject)},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": condition,
            }
        ],
    }


def provider_arn(asked: Asked, subject: Subject) -> str:
    """The IAM identity provider that must be there."""
    return f"arn:{asked.partition}:iam::{asked.account}:oidc-provider/{subject.issuer}"
