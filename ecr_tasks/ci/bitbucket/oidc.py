"""The OpenID Connect tokens of Bitbucket Pipelines.

Source: Bitbucket Docs, "Integrate Pipelines with resource servers using OIDC".
"""

from __future__ import annotations

from ecr_tasks.ci.oidc.issuer import Issuer, Scope, Subject, literal, repository_parts, required
from ecr_tasks.ci.oidc.tokens import variable_source


def subject(scope: Scope) -> Subject:
    """Return the subject ``{REPOSITORY}:{ENVIRONMENT}:…``, which has no branch."""
    _, path = repository_parts(scope)
    workspace = path.partition("/")[0]
    workspace_uuid = required(scope.organization, "The Bitbucket workspace's UUID", "organization").strip("{}")
    repository = required(scope.project, "The Bitbucket repository's UUID", "project").strip("{}")
    environment = f"{{{scope.environment.strip('{}')}}}:" if scope.environment else ""
    notes = ["The step needs `oidc: true`."]
    if not scope.environment:
        notes.append(
            "Bitbucket's subject names no branch: every branch of the repository is let in. Say a deployment "
            "environment's UUID with --environment, and limit that environment to a branch."
        )
    return Subject(
        f"api.bitbucket.org/2.0/workspaces/{workspace}/pipelines-config/identity/oidc",
        scope.audience or f"ari:cloud:bitbucket::workspace/{workspace_uuid}",
        (f"{{{literal(repository)}}}:{environment}*",),
        tuple(notes),
    )


ISSUER = Issuer(
    variable_source("BITBUCKET_STEP_OIDC_TOKEN", "Bitbucket Pipelines"),
    subject,
    "Give the step `oidc: true`, and run it again.",
    "BITBUCKET_REPO_OWNER_UUID",
    "BITBUCKET_REPO_UUID",
)
