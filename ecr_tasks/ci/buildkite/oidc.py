"""The OpenID Connect tokens of Buildkite.

Sources: Buildkite Docs, "OIDC with AWS" and "buildkite-agent oidc request-token".
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

from ecr_tasks.ci.buildkite.outputs import AGENT
from ecr_tasks.ci.oidc.issuer import Issuer, Scope, Subject, literal, ref_patterns, required
from ecr_tasks.ci.oidc.tokens import AUDIENCE, TokenSource, checked_token
from ecr_tasks.errors import AwsError
from ecr_tasks.model.child_environment import agent_environment

TIMEOUT = 60
"""Seconds that the agent may take."""


def token_source(environ: Mapping[str, str]) -> TokenSource | None:
    """Return the agent's program as the source; None when it is not on the PATH."""
    agent = shutil.which(AGENT, path=environ.get("PATH")) if environ.get("BUILDKITE") else None
    return TokenSource("Buildkite", lambda: _request_token(agent, environ)) if agent else None


def _request_token(agent: str, environ: Mapping[str, str]) -> str:
    """Return the token that the agent prints. Raises AwsError when it prints none."""
    try:
        stdout = subprocess.check_output(  # noqa: S603 - the CI's own program, without a shell
            [agent, "oidc", "request-token", "--audience", AUDIENCE],
            env=agent_environment(environ, AGENT),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT,
        )
    except (OSError, subprocess.SubprocessError):
        stdout = b""
    if not stdout.strip():
        raise AwsError(
            f"`{AGENT} oidc request-token` gave no token.",
            "Run that command in the step to see why; the agent must be 3.41 or newer.",
        )
    return checked_token(stdout.decode("ascii", "replace"), AGENT)


def subject(scope: Scope) -> Subject:
    """Return the subjects ``organization:…:pipeline:…``, which contain the slugs of both."""
    organization_slug = required(scope.organization, "The Buildkite organization's slug", "organization")
    pipeline = required(scope.project, "The Buildkite pipeline's slug", "project")
    prefix = f"organization:{literal(organization_slug)}:pipeline:{literal(pipeline)}:ref:refs"
    return Subject(
        "agent.buildkite.com",
        scope.audience or AUDIENCE,
        tuple(f"{prefix}/{kind}/{ref}:commit:*:step:*" for kind, ref in ref_patterns(scope)),
    )


ISSUER = Issuer(
    token_source,
    subject,
    f"Put {AGENT} on the PATH of the step (in a container too), and run it again.",
    "BUILDKITE_ORGANIZATION_SLUG",
    "BUILDKITE_PIPELINE_SLUG",
)
