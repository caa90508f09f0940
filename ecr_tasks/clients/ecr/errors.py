"""botocore's errors as ours: what happened and what to do, without tokens, keys or request dumps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ecr_tasks.errors import AwsError, EcrTasksError, Refused, RegistryError, SettingsError
from ecr_tasks.model.refusals import ENSURE, missing_repository

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_INVALID = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "AuthFailure",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "IncompleteSignature",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
THROTTLED = {
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
}
"""botocore's own list without LimitExceededException, which is ECR's word for a quota that is used up."""
_BLAMED = {
    "KmsException": ("ECR_KMS_KEY", "Check that the key exists in this region and that you may use it."),
    "InvalidTagParameterException": ("ECR_REPOSITORY_TAGS", "Correct them."),
    "TooManyTagsException": ("ECR_REPOSITORY_TAGS", "A repository has at most 50 tags."),
}
"""Errors that can only come from one setting (API model, CreateRepository and TagResource)."""
_MISSING_REPOSITORY = re.compile(
    r"The repository with name '(?P<name>[^']+)' does not exist in the registry with id '(?P<account>\d+)'"
)
_CREDENTIAL_HINT = (
    "Set AWS_PROFILE or keys (in the environment or an ignored .env), run `aws sso login`, "
    "or use `inv local …`, which needs no account."
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turns what botocore raises inside into an EcrTasksError; ``doing`` is a clause such as "log in to ECR".

    Unknown errors go through unchanged: they are ours to see.
    """
    import botocore.exceptions as aws

    try:
        yield
    except aws.ClientError as error:
        raise _client_error(error, doing) from error
    except (aws.NoCredentialsError, aws.PartialCredentialsError) as error:
        raise AwsError(f"There are no AWS credentials to {doing} with.", _CREDENTIAL_HINT) from error
    except aws.ProfileNotFound as error:
        raise AwsError(f"{_text(error)}", "Correct AWS_PROFILE, or run `aws configure --profile …`.") from error
    except (aws.SSOError, aws.TokenRetrievalError, aws.UnauthorizedSSOTokenError) as error:
        raise AwsError(
            f"The AWS SSO session has ended or was never begun: {_text(error)}", "Run `aws sso login`."
        ) from error
    except aws.CredentialRetrievalError as error:
        raise AwsError(f"The AWS credentials could not be had: {_text(error)}", _CREDENTIAL_HINT) from error
    except aws.NoRegionError as error:
        raise no_region() from error
    except (aws.HTTPClientError, aws.ConnectionError) as error:
        raise _unreachable(error, doing) from error
    except (aws.BotoCoreError, ValueError) as error:
        raise AwsError(f"Could not {doing}: {_text(error)}", "Correct the AWS settings it names.") from error


@contextmanager
def blamed(code: str = "", setting: str = "", remedy: str = "") -> Iterator[None]:
    """Names the setting whose value ECR objects to; inside ``translated``. ``code`` is one more error of it."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        found = {**_BLAMED, code: (setting, remedy)}.get(error_code(error))
        if found is None or not found[0]:
            raise
        message = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".") or error_code(error)
        raise SettingsError(f"ECR does not take {found[0]}: {message}.", found[1]) from error


def no_region() -> EcrTasksError:
    """The error for a registry whose region nothing tells."""
    return SettingsError(
        "No region is set.",
        "Set AWS_REGION (in .env, the environment or the AWS profile), or use `inv local …`.",
    )


def wrong_account(wanted: str, caller: str) -> AwsError:
    """The error for credentials of another account than the registry's, which may not see into it."""
    return AwsError(
        f"AWS_ACCOUNT_ID is {wanted}, but the credentials belong to account {caller}, "
        "which may not see that registry's repository.",
        "Use the other account's credentials (AWS_PROFILE, ECR_ROLE_ARN), or correct AWS_ACCOUNT_ID.",
    )


def full_of_tags(tag: str, name: str, digest: str) -> RegistryError:
    """The error for an image with as many tags as it can have (ECR user guide, service quotas: 1,000)."""
    return RegistryError(
        f"ECR gives {digest} in {name} no more tags, so {tag} can't be set: an image has at most 1,000.",
        "Delete some that nobody needs; without its inputs- tag (ECR_SKIP=content), the next run builds a new image.",
    )


def error_code(error: Exception) -> str:
    """A ClientError's code, such as ``RepositoryNotFoundException``."""
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def _client_error(error: Exception, doing: str) -> EcrTasksError:
    code = error_code(error)
    message = str(getattr(error, "response", {}).get("Error", {}).get("Message", "")).strip().rstrip(".")
    if code in _EXPIRED:
        return AwsError(
            f"The AWS credentials have expired, so we could not {doing}.",
            "Get new ones: `aws sso login`, or renew the session token.",
        )
    if code in _INVALID:
        return AwsError(
            f"AWS does not accept these credentials ({code}), so we could not {doing}.",
            "Check the access key, its secret and the session token, and whether they belong together.",
        )
    if code in _DENIED:
        return AwsError(
            f"AWS does not allow these credentials to {doing}: {message or code}.",
            "Give the role or user the action that the message names, or use other credentials.",
        )
    if code in THROTTLED:
        return AwsError(
            f"AWS asked us to slow down while we tried to {doing} ({code}).",
            "Wait a minute and run it again; it takes up where it stopped.",
        )
    if code == "ImageTagAlreadyExistsException":
        return Refused(
            f"ECR refused to {doing}: {message or code}.",
            "The tag is immutable: publish under another, or add an exclusion filter for it.",
        )
    if code == "RepositoryNotFoundException":
        if missing := _MISSING_REPOSITORY.match(message):
            return missing_repository(missing["name"], f"the registry of {missing['account']}")
        return RegistryError(f"ECR could not {doing}: {message or code}.", ENSURE)
    said = f"{message} ({code})" if message else code
    return RegistryError(
        f"ECR could not {doing}: {said}.",
        "Run it again; if it stays so, the message says what ECR objects to.",
    )


def _unreachable(error: Exception, doing: str) -> AwsError:
    from botocore.exceptions import ConnectionClosedError

    endpoint = str(getattr(error, "kwargs", {}).get("endpoint_url") or "the AWS endpoint")
    if isinstance(error, ConnectionClosedError):
        return AwsError(
            f"The connection to {endpoint} ended before the whole answer was here, so we could not {doing}.",
            "Run it again; it takes up where it stopped.",
        )
    if "//127.0.0.1" in endpoint or "//localhost" in endpoint:
        return AwsError(
            f"Nothing answers at {endpoint}, so we could not {doing}.",
            "Start the local ECR with `inv local.up`, or run `inv local …` as the first task.",
        )
    return AwsError(
        f"{endpoint} could not be reached, so we could not {doing} ({type(error).__name__}).",
        "Check the network, the proxy settings and the region.",
    )


def _text(error: Exception) -> str:
    return str(error).strip().rstrip(".") + "."
