"""A role's credentials for a CI's OpenID Connect token: sts:AssumeRoleWithWebIdentity, without the AWS CLI."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ecr_tasks.ci.oidc.tokens import TokenSource, claims
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.ci.token_source import token_source
from ecr_tasks.clients.ecr.errors import error_code, translated
from ecr_tasks.errors import AwsError

if TYPE_CHECKING:
    from botocore.credentials import RefreshableCredentials
    from botocore.session import Session as CoreSession
    from mypy_boto3_sts.client import STSClient

METHOD = "assume-role-with-web-identity"

_NAME_LIMIT = 64


def credentials(role_arn: str, core: CoreSession, environ: Mapping[str, str]) -> RefreshableCredentials | None:
    """The role's credentials, which renew themselves with a new token; None where no token is on offer.

    Of the session ``core`` only region and endpoints count, no credentials.
    Raises AwsError when the token or the role can't be had.
    """
    source = token_source(environ, role_arn)
    if source is None:
        return None
    from botocore.credentials import RefreshableCredentials

    # It logs a failed renewal with a traceback, and raises it as well.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    exchange = _exchange(role_arn, _client(core), session_name(environ), source)
    made: RefreshableCredentials = RefreshableCredentials.create_from_metadata(
        metadata=exchange(), refresh_using=exchange, method=METHOD
    )
    return made


def session_name(environ: Mapping[str, str]) -> str:
    """``ecr-tasks``, the project and the run, for whoever reads CloudTrail.

    At most 64 of the characters that STS takes (API model, roleSessionNameType); the run stays whole.
    """
    for system in SYSTEMS.values():
        names, run_number = system.run
        project = "-".join(filter(None, (environ.get(name) for name in names)))
        if project and environ.get(run_number):
            end = "-" + _sanitised(environ[run_number])[-20:]
            return f"ecr-tasks-{_sanitised(project)}"[: _NAME_LIMIT - len(end)] + end
    return "ecr-tasks"


def _sanitised(text: str) -> str:
    return re.sub(r"[^\w+=,.@-]+", "-", text, flags=re.ASCII).strip("-")


def _client(core: CoreSession) -> STSClient:
    """An STS client that signs nothing, in the region's own endpoint.

    The global endpoint is far away, and its credentials are of the first kind that opt-in regions refuse (IAM
    User Guide, Manage AWS STS in an AWS Region).
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
    make: Any = core.create_client  # typed as a client of no service
    client: STSClient = make("sts", config=config)
    return client


def _exchange(role_arn: str, client: STSClient, name: str, source: TokenSource) -> Callable[[], dict[str, Any]]:
    """A function that fetches a token and changes it into credentials, each time anew."""

    def exchange() -> dict[str, Any]:
        from botocore.exceptions import ClientError

        token = source.fetch()
        with translated("assume ECR_ROLE_ARN with the CI's token (sts:AssumeRoleWithWebIdentity)"):
            try:
                answer = client.assume_role_with_web_identity(
                    RoleArn=role_arn, RoleSessionName=name, WebIdentityToken=token
                )
            except ClientError as error:
                raise _refused(error, role_arn, source, token) from None
        found = answer["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    return exchange


def _refused(error: Exception, role_arn: str, source: TokenSource, token: str) -> Exception:
    """STS's refusals in words (AssumeRoleWithWebIdentity, Errors); others go on to the usual translation."""
    code = error_code(error)
    told = str(getattr(error, "response", {}).get("Error", {}).get("Message", "")).strip().rstrip(".")
    told = told.replace(token, "…")
    held = claims(token)
    who = f"the token of {source.issuer}"
    if code in ("AccessDenied", "AccessDeniedException"):
        subject = f' (its subject is "{held["sub"]}")' if "sub" in held else ""
        return AwsError(
            f"The role {role_arn} does not trust {who}{subject}: {told or code}.",
            "Correct the role's trust policy (`inv iam.trust` prints one for this repository and branch), "
            "and check that ECR_ROLE_ARN names the right role.",
        )
    if code == "InvalidIdentityToken":
        issuer, audience = held.get("iss", "its issuer"), held.get("aud", "unknown")
        return AwsError(
            f'STS does not accept {who} (issued by {issuer} for the audience "{audience}"): {told or code}.',
            f"Make sure that the role's account has an IAM identity provider for {issuer} with that audience, "
            "or have the CI issue its token for the audience that the provider lists.",
        )
    if code in ("ExpiredTokenException", "ExpiredToken"):
        return AwsError(
            f"{who[0].upper()}{who[1:]} has expired, so that the role's credentials can't be renewed.",
            "Give the step less to do, or have the CI issue a token that lives longer; then run it again.",
        )
    if code in ("IDPRejectedClaim", "IDPCommunicationError", "RegionDisabledException", "PackedPolicyTooLarge"):
        return AwsError(
            f"STS could not assume {role_arn} with {who} ({code}): {told or code}.",
            "Run it again; if it stays so, the message says what STS objects to.",
        )
    return error
