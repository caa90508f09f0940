"""The OpenID Connect tokens of CircleCI. Source: CircleCI Docs, "OpenID Connect tokens"."""

from __future__ import annotations

from ecr_tasks.ci.oidc.issuer import Issuer, Scope, Subject, literal, ref_patterns, repository_parts, required
from ecr_tasks.ci.oidc.tokens import variable_source


def subject(scope: Scope) -> Subject:
    """Return the subjects ``org/…``, which consist of the ids, the repository and the ref."""
    org = required(scope.organization, "The CircleCI organization's id", "organization")
    project = required(scope.project, "The CircleCI project's id", "project")
    host, path = repository_parts(scope)
    prefix = f"org/{literal(org)}/project/{literal(project)}/user/*/vcs-origin/{host}/{literal(path)}/vcs-ref/refs"
    return Subject(
        f"oidc.circleci.com/org/{org}",
        scope.audience or org,
        tuple(f"{prefix}/{kind}/{ref}" for kind, ref in ref_patterns(scope)),
        ("The audience is the organization's id.",),
    )


ISSUER = Issuer(
    variable_source("CIRCLE_OIDC_TOKEN_V2", "CircleCI"),  # V2: only its subject contains the branch
    subject,
    "CircleCI gives forks' builds no token; else check that the job runs on CircleCI's cloud.",
    "CIRCLE_ORGANIZATION_ID",
    "CIRCLE_PROJECT_ID",
)
