"""Translate botocore's errors into EcrTasksErrors with cause and remedy, without tokens, keys or request dumps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ecr_tasks.errors import AwsError, Denied, EcrTasksError, Refused, RegistryError, SettingsError
from ecr_tasks.model.denial import find_denial, policy_command
from ecr_tasks.model.refusals import ENSURE, missing_repository

T = TypeVar("T")

_CLOCK_CODES = ("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture")
_WRONG_CLOCK = r"Signature (?:expired|not yet current)"
_EXPIRED_CODES = ("ExpiredToken", "ExpiredTokenException")
_TOKEN_CODES = ("InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError")
_INVALID_CODES = (
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch"),
    *("InvalidAccessKeyId", "AuthFailure", "MissingAuthenticationToken", "MissingAuthenticationTokenException"),
    "IncompleteSignature",
)
DENIED_CODES = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
THROTTLING_CODES = (
    *("ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
    *("TooManyRequestsException", "RequestLimitExceeded", "SlowDown"),
)
"""The codes that botocore retries, without LimitExceededException: ECR uses it for a quota that is used up."""
_SETTING_BY_CODE = {
    "KmsException": ("ECR_KMS_KEY", "Check that the key exists in this region and that you may use it."),
    "InvalidTagParameterException": ("ECR_REPOSITORY_TAGS", "Correct them."),
    "TooManyTagsException": ("ECR_REPOSITORY_TAGS", "A repository has at most 50 tags."),
}
"""Errors that only one setting can cause, with a remedy (API model, CreateRepository and TagResource)."""
_MISSING_REPOSITORY = (
    r"The repository with name '(?P<name>[^']+)' does not exist in the registry with id '(?P<account>\d+)'"
)


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Raise botocore's errors as EcrTasksErrors; ``action`` is words such as "log in to ECR".

    Other errors pass unchanged, because they are bugs of this package.
    """
    import botocore.exceptions as aws

    try:
        yield
    except aws.ClientError as error:
        raise _client_error(error, action) from error
    except aws.NoRegionError as error:
        raise no_region() from error
    except EcrTasksError:
        raise
    except Exception as error:
        from ecr_tasks.clients.ecr.known_errors import explain

        if (known := explain(error, action)) is None:
            raise
        raise known from error


@contextmanager
def broken_sessions() -> Iterator[None]:
    """Raise AwsError when a session lacks what botocore takes for granted there."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        if "offset-naive" in str(error):
            raise AwsError(
                "The time when the AWS credentials end has no time zone.",
                "Write it as 2030-01-02T03:04:05Z (AWS_CREDENTIAL_EXPIRATION, or Expiration of credential_process).",
            ) from error
        raise AwsError(
            f"The AWS session that is cached in ~/.aws is damaged ({type(error).__name__}: {error}).",
            "Begin it again (`aws sso login`, `aws login`), or remove ~/.aws/sso/cache, ~/.aws/login/cache and "
            "~/.aws/cli/cache.",
        ) from error


@contextmanager
def translate_setting_errors(code: str = "", setting: str = "", remedy: str = "") -> Iterator[None]:
    """Raise SettingsError when ECR rejects a setting's value; use it inside ``translate_errors``.

    ``code`` is an error code that ``setting`` causes in this call, in addition to the codes that always belong to
    one setting.
    """
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        name, fix = {**_SETTING_BY_CODE, code: (setting, remedy)}.get(error_code(error), ("", ""))
        if not name:
            raise
        reason = error_message(error) or error_code(error)
        raise SettingsError(f"ECR does not take {name}: {reason}.", fix) from error


def no_region() -> EcrTasksError:
    """Return the error for a registry without a region."""
    remedy = "Set `region` below ecr: in invoke.yaml, AWS_REGION, or the profile's region; or use `inv local …`."
    return SettingsError("No region is set.", remedy)


def wrong_account(account: str, caller: str) -> AwsError:
    """Return the error for credentials of another account that has no access to the registry."""
    return AwsError(
        f"AWS_ACCOUNT_ID is {account}, but the credentials belong to account {caller}, "
        "which may not see that registry's repository.",
        "Use the other account's credentials (AWS_PROFILE, ECR_ROLE_ARN), or correct AWS_ACCOUNT_ID.",
    )


def too_many_tags(tag: str, repository: str, digest: str) -> RegistryError:
    """Return the error for an image with as many tags as it can have (ECR user guide, service quotas: 1,000)."""
    return RegistryError(
        f"ECR gives {digest} in {repository} no more tags, so {tag} can't be set: an image has at most 1,000.",
        "Delete some that nobody needs; without its inputs- tag (ECR_SKIP=content), the next run builds a new image.",
    )


def result_or_none(call: Callable[[], T], *codes: str) -> T | None:
    """Return a call's result, or None when it raises a ClientError with one of these codes."""
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if error_code(error) not in codes:
            raise
        return None


def error_code(error: Exception) -> str:
    """Return a ClientError's code, such as ``RepositoryNotFoundException``; empty for other errors."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def error_message(error: Exception) -> str:
    """Return a ClientError's message without its full stop; empty for other errors."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Message", "")).strip().rstrip(".")


def _client_error(error: Exception, action: str) -> EcrTasksError:
    code, message = error_code(error), error_message(error)
    if code in _CLOCK_CODES or re.search(_WRONG_CLOCK, message):
        return AwsError(
            f"AWS refuses the time of this machine's clock, so we could not {action}: {message or code}.",
            "Correct the clock (NTP; a virtual machine that slept is often behind), then run it again.",
        )
    operation = str(getattr(error, "operation_name", ""))
    if operation == "AssumeRoleWithWebIdentity" and code in (*_EXPIRED_CODES, *_TOKEN_CODES):
        return AwsError(
            f"STS refuses the token in AWS_WEB_IDENTITY_TOKEN_FILE, so we could not {action}: {message or code}.",
            "Have it written anew, by a CI or cluster for which the role's account has an IAM identity provider.",
        )
    if code in _EXPIRED_CODES:
        return AwsError(
            f"The AWS credentials have expired, so we could not {action}.",
            "Get new ones (`aws sso login`, or a new session token) and run it again; it takes up where it stopped.",
        )
    if code in _INVALID_CODES:
        return AwsError(
            f"AWS does not accept these credentials ({code}), so we could not {action}.",
            "Check the access key, its secret and the session token, and whether they belong together.",
        )
    if code in DENIED_CODES and operation == "AssumeRole":
        return AwsError(
            f"AWS does not let these credentials assume the role: {message or code}.",
            "Allow the caller sts:AssumeRole on that role, name it in the role's trust policy, or correct the role "
            "(ECR_ROLE_ARN, role_arn in the profile).",
        )
    if code in DENIED_CODES:
        remedy = f"Give the role or user what `{policy_command()}` prints, or use other credentials."
        return Denied(
            f"AWS does not allow these credentials to {action}: {message or code}.",
            denial.remedy if (denial := find_denial(message)) else remedy,
        )
    if code in THROTTLING_CODES:
        return AwsError(
            f"AWS asked us to slow down while we tried to {action} ({code}).",
            "Wait a minute and run it again; it takes up where it stopped.",
        )
    if code == "ImageTagAlreadyExistsException":
        return Refused(
            f"ECR refused to {action}: {message or code}.",
            "The tag is immutable: publish under another, or add an exclusion filter for it.",
        )
    if code == "RepositoryNotFoundException":
        if missing := re.match(_MISSING_REPOSITORY, message):
            return missing_repository(missing["name"], f"the registry of {missing['account']}")
        return RegistryError(f"ECR could not {action}: {message or code}.", ENSURE)
    reason = f"{message} ({code})" if message else code
    if code == "ImageNotFoundException":
        return RegistryError(
            f"ECR could not {action}: {reason}.",
            "Publish it anew (`inv build push`), or name another (`inv images` lists what is there).",
        )
    if operation.startswith("AssumeRole"):
        remedy = "Run it again; if it stays so, the message says what STS objects to."
        return AwsError(f"STS gives no session, so we could not {action}: {reason}.", remedy)
    remedy = "Run it again; if it stays so, the message says what ECR objects to."
    return RegistryError(f"ECR could not {action}: {reason}.", remedy)
