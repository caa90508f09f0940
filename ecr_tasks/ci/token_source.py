"""Functions that find the OpenID Connect token that the CI offers this process."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.ci.environ import Environ
from ecr_tasks.ci.oidc.tokens import TokenSource, file_source, variable_source
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.errors import AwsError


def token_source(environ: Mapping[str, str], role_arn: str) -> TokenSource | None:
    """Return the source of the token that this environment offers for a role; None without one.

    ``AWS_ID_TOKEN`` comes first, a variable that any CI may set, then what each system offers, then
    ``AWS_WEB_IDENTITY_TOKEN_FILE``. If that file is for another role (AWS_ROLE_ARN, as in a pod of EKS), the
    AWS SDK uses it, and that role assumes the given one.
    """
    if source := variable_source("AWS_ID_TOKEN", "AWS_ID_TOKEN")(environ):
        return source
    for system in SYSTEMS.values():
        if (issuer := system.issuer()) and (source := issuer.token_source(environ)):
            return source
    path = environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if path and environ.get("AWS_ROLE_ARN") in (None, "", role_arn):
        return file_source(path, "AWS_WEB_IDENTITY_TOKEN_FILE")
    return None


def missing_token(environ: Mapping[str, str]) -> AwsError | None:
    """Return the error for a job without AWS credentials whose CI could offer it a token and does not; else None."""
    for system in SYSTEMS.values():
        if system.find_marker(Environ(environ)) and (issuer := system.issuer()):
            return AwsError(
                "There are no AWS credentials to assume ECR_ROLE_ARN with, "
                f"and {system.title} offers this job no token.",
                issuer.hint,
            )
    return None
