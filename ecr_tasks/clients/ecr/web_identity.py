"""A role's credentials in exchange for a CI's OpenID Connect token (sts:AssumeRoleWithWebIdentity)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ecr_tasks.ci.oidc.tokens import TokenSource, claims
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.ci.token_source import token_source
from ecr_tasks.clients.ecr.errors import error_code, error_message, translate_errors
from ecr_tasks.errors import AwsError
from ecr_tasks.redaction import keep_secret

if TYPE_CHECKING:
    from botocore.credentials import RefreshableCredentials
    from botocore.session import Session as CoreSession
    from mypy_boto3_sts.client import STSClient


def credentials(role_arn: str, core: CoreSession, environ: Mapping[str, str]) -> RefreshableCredentials | None:
    """Return a role's credentials, which renew themselves with a new token, or None when the CI offers no token.

    Only the region and the endpoints of the session ``core`` are used, not its credentials. Raises AwsError when the
    CI gives no token or STS refuses the role.
    """
    source = token_source(environ, role_arn)
    if source is None:
        return None
    from botocore.credentials import RefreshableCredentials
    from botocore.exceptions import ClientError

    # botocore logs a failed renewal with a traceback and raises it as well.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    client, name = _client(core), session_name(environ)

    def exchange() -> dict[str, Any]:
        """Fetch a new token and exchange it for credentials."""
        token = source.fetch()
        with translate_errors("assume ECR_ROLE_ARN with the CI's token (sts:AssumeRoleWithWebIdentity)"):
            try:
                response = client.assume_role_with_web_identity(
                    RoleArn=role_arn, RoleSessionName=name, WebIdentityToken=token
                )
            except ClientError as error:
                raise _refusal_error(error, role_arn, source, token) from None
        keys = response["Credentials"]
        keep_secret(keys["SecretAccessKey"], keys["SessionToken"])
        return {
            "access_key": keys["AccessKeyId"],
            "secret_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "expiry_time": keys["Expiration"].isoformat(),
        }

    renewable: RefreshableCredentials = RefreshableCredentials.create_from_metadata(
        metadata=exchange(), refresh_using=exchange, method="assume-role-with-web-identity"
    )
    return renewable


def session_name(environ: Mapping[str, str]) -> str:
    """Return the session name that CloudTrail shows: ``ecr-tasks``, the CI's project and the run's number.

    It has at most 64 characters that STS accepts (API model, roleSessionNameType); only the project is cut.
    """
    for system in SYSTEMS.values():
        values = [environ.get(name, "") for name in system.run_variables()]
        project, number = "-".join(filter(None, values[:-1])), "".join(values[-1:])
        if project and number:
            suffix = "-" + _sanitised(number)[-20:]
            return f"ecr-tasks-{_sanitised(project)}"[: 64 - len(suffix)] + suffix
    return "ecr-tasks"


def _sanitised(text: str) -> str:
    return re.sub(r"[^\w+=,.@-]+", "-", text, flags=re.ASCII).strip("-")


def _client(core: CoreSession) -> STSClient:
    """Return an STS client that does not sign its requests and uses the region's endpoint.

    Opt-in regions refuse the credentials of the global endpoint (IAM User Guide, Manage AWS STS in an AWS Region).
    """
    from botocore import UNSIGNED
    from botocore.config import Config

    core.set_config_variable("sts_regional_endpoints", "regional")
    config = Config(
        signature_version=UNSIGNED,
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": 4},
        user_agent_extra="ecr-tasks",
    )
    client: STSClient = cast(Any, core).create_client("sts", config=config)  # the stubs don't type it as STS's client
    return client


def _refusal_error(error: Exception, role_arn: str, source: TokenSource, token: str) -> Exception:
    """Return AwsError for a refusal of STS (API reference, AssumeRoleWithWebIdentity), else the error itself."""
    code = error_code(error)
    reason = error_message(error).replace(token, "…") or code
    token_claims = claims(token)
    holder = f"the token of {source.issuer}"
    if code in ("AccessDenied", "AccessDeniedException"):
        claim = f' (its subject is "{token_claims["sub"]}")' if "sub" in token_claims else ""
        return AwsError(
            f"The role {role_arn} does not trust {holder}{claim}: {reason}.",
            "Correct the role's trust policy (`inv iam.trust` prints one for this repository and branch), "
            "and check that ECR_ROLE_ARN names the right role.",
        )
    if code == "InvalidIdentityToken":
        issuer, audience = token_claims.get("iss", "its issuer"), token_claims.get("aud", "unknown")
        return AwsError(
            f'STS does not accept {holder} (issued by {issuer} for the audience "{audience}"): {reason}.',
            f"Make sure that the role's account has an IAM identity provider for {issuer} with that audience, "
            "or have the CI issue its token for the audience that the provider lists.",
        )
    if code in ("ExpiredTokenException", "ExpiredToken"):
        return AwsError(
            f"{holder[0].upper()}{holder[1:]} has expired, so that the role's credentials can't be renewed.",
            "Give the step less to do, or have the CI issue a token that lives longer; then run it again.",
        )
    if code in ("IDPRejectedClaim", "IDPCommunicationError", "RegionDisabledException", "PackedPolicyTooLarge"):
        return AwsError(
            f"STS could not assume {role_arn} with {holder} ({code}): {reason}.",
            "Run it again; if it stays so, the message says what STS objects to.",
        )
    return error
