"""The OpenID Connect tokens of GitLab CI. Source: GitLab Docs, "Configure OpenID Connect in AWS"."""

from __future__ import annotations

from ecr_tasks.ci.oidc.issuer import Issuer, Scope, Subject, literal, ref_patterns, repository_parts
from ecr_tasks.ci.oidc.tokens import AUDIENCE, variable_source


def subject(scope: Scope) -> Subject:
    """Return the subjects ``project_path:…``; the job chooses the audience in ``id_tokens:``."""
    host, path = repository_parts(scope)
    audience = scope.audience or AUDIENCE
    types = {"heads": "branch", "tags": "tag"}
    subjects = tuple(
        f"project_path:{literal(path)}:ref_type:{types[kind]}:ref:{ref}" for kind, ref in ref_patterns(scope)
    )
    notes = [f"The job needs `id_tokens: AWS_ID_TOKEN: aud: {audience}`."]
    if scope.environment:
        notes.append("GitLab's subject names no environment: it is not looked at.")
    return Subject(host, audience, subjects, tuple(notes))


ISSUER = Issuer(
    variable_source("GITLAB_OIDC_TOKEN", "GitLab CI"),  # the name in GitLab's example; the job may choose any
    subject,
    "Give the job `id_tokens: AWS_ID_TOKEN: aud: sts.amazonaws.com`, and run it again.",
)
