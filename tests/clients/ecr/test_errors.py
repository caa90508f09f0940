"""AWS's errors as EcrTasksErrors: the exit code, a cause, a remedy, and no secret."""

from __future__ import annotations

import pytest
from botocore import exceptions as aws

from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.errors import AwsError, Denied, EcrTasksError, Refused, RegistryError, SettingsError


def client_error(code: str, message: str = "what AWS says", operation: str = "SomeOperation") -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code, "Message": message}}, operation)


def translated(error: Exception) -> EcrTasksError:
    with pytest.raises(EcrTasksError) as caught, translate_errors("push"):
        raise error
    assert caught.value.cause.strip()
    assert caught.value.remedy.strip().endswith(".")
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (client_error("ExpiredTokenException"), AwsError, "expired"),
        (client_error("ExpiredToken"), AwsError, "expired"),
        (client_error("UnrecognizedClientException"), AwsError, "does not accept"),
        (client_error("InvalidSignatureException"), AwsError, "does not accept"),
        (client_error("AccessDeniedException", "not authorized to perform: ecr:PutImage"), Denied, "ecr:PutImage"),
        (client_error("ThrottlingException"), AwsError, "slow down"),
        (client_error("RepositoryNotFoundException"), RegistryError, "what AWS says"),
        (client_error("ImageTagAlreadyExistsException"), Refused, "what AWS says"),
        (client_error("SomethingNew"), RegistryError, "SomethingNew"),
        *(
            (client_error(code, operation="AssumeRoleWithWebIdentity"), AwsError, "AWS_WEB_IDENTITY_TOKEN_FILE")
            for code in ("ExpiredTokenException", "InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError")
        ),
        (client_error("AccessDenied", operation="AssumeRole"), AwsError, "assume the role"),
        (client_error("SomethingNew", operation="AssumeRole"), AwsError, "STS gives no session"),
        (aws.NoCredentialsError(), AwsError, "no AWS credentials"),
        (
            aws.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            AwsError,
            "AWS_SECRET_ACCESS_KEY is missing (from env)",
        ),
        (aws.ProfileNotFound(profile="team"), AwsError, "team"),
        (aws.UnauthorizedSSOTokenError(), AwsError, "SSO"),
        (aws.LoginRefreshRequired(), AwsError, "session of `aws login` has ended"),
        (aws.LoginTokenLoadError(error_msg="no token"), AwsError, "session of `aws login` has ended"),
        (aws.LoginInsufficientPermissions(), AwsError, "signin:CreateOAuth2Token"),
        (aws.NoRegionError(), SettingsError, "region"),
        *(
            (aws.HTTPClientError(error=ValueError(text)), AwsError, "The address of the proxy can't be read")
            for text in ("Failed to parse: 'proxy:abc' is not a valid host or port", "Invalid IPv6 URL")
        ),
        (
            aws.EndpointConnectionError(endpoint_url="https://api.ecr.x.example"),
            AwsError,
            "https://api.ecr.x.example",
        ),
        (aws.ReadTimeoutError(endpoint_url="https://api.ecr.x.example"), AwsError, "https://api.ecr.x.example"),
    ],
)
def test_each_known_error_has_its_kind_and_says_why(error: Exception, kind: type[EcrTasksError], word: str) -> None:
    translated_error = translated(error)
    assert type(translated_error) is kind
    assert word in translated_error.cause


@pytest.mark.parametrize(
    "code", ["InternalFailure", "ImageTagAlreadyExistsException", "RepositoryNotFoundException", "AccessDenied"]
)
def test_an_error_without_a_message_is_told_by_its_code(code: str) -> None:
    cause = translated(client_error(code, "")).cause
    assert cause.endswith(f": {code}.")
    assert cause.count(code) == 1


def test_a_denial_by_the_organization_is_not_mended_by_a_policy_of_the_role() -> None:
    base = "User: arn:aws:iam::1:user/x is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:x"
    own = translated(client_error("AccessDeniedException", f"{base} because no identity-based policy allows it"))
    assert "give that to arn:aws:iam::1:user/x" in own.remedy
    scp = translated(
        client_error("AccessDeniedException", f"{base} with an explicit deny in a service control policy")
    )
    assert "those who manage that service control policy" in scp.remedy


def test_a_repository_that_is_missing_is_named_with_its_registry() -> None:
    message = "The repository with name 'team/app' does not exist in the registry with id '123456789012'"
    error = translated(client_error("RepositoryNotFoundException", message))
    assert error.cause == "The repository team/app does not exist in the registry of 123456789012."
    assert "inv repo.ensure" in error.remedy


def test_a_message_ends_one_sentence_however_aws_ends_it() -> None:
    assert translated(client_error("AccessDeniedException", "not authorized.")).cause.endswith("not authorized.")
    assert translated(client_error("SomethingNew", "it broke.")).cause.endswith("it broke (SomethingNew).")


def test_a_dead_local_ecr_has_a_remedy_of_its_own() -> None:
    assert "inv local" in translated(aws.EndpointConnectionError(endpoint_url="http://127.0.0.1:5000/")).remedy


def test_what_nobody_foresaw_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), translate_errors("push"):
        _ = 1 / 0
