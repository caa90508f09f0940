"""Logins for other registries than ECR, which AWS Secrets Manager keeps."""

from __future__ import annotations

from ecr_tasks.clients.ecr.errors import error_code, translate_errors
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import AwsError
from ecr_tasks.model.ecr_host import is_on_this_machine
from ecr_tasks.model.registry import RegistryToken

_PASSWORDS = ("password", "accessToken")
"""The members that may have the password: ECS's secrets have the first (developer guide, "Using non-AWS container
images"), those of ECR's pull-through cache the second (ECR user guide, "Storing your upstream repository
credentials")."""


def login(aws: AwsSession, host: str, secret: str) -> RegistryToken:
    """Return the login of a registry from a secret, by its ARN or name (GetSecretValue).

    Raises AwsError for a secret that can't be had or is no login; no message has a part of it.
    """
    from botocore.exceptions import ClientError

    region = secret.split(":")[3] if secret.startswith("arn:") else None
    action = f"read the login for {host} (secretsmanager:GetSecretValue on {secret})"
    with translate_errors(action):
        client = aws.secrets(region)
        if is_on_this_machine(aws.ecr().meta.endpoint_url) and not is_on_this_machine(client.meta.endpoint_url):
            raise AwsError(
                f"The local ECR has no secrets, so {host} gets no login from {secret}.",
                f"Run `docker login {host}`, whose login is used, too, or set AWS_ENDPOINT_URL_SECRETS_MANAGER.",
            )
        try:
            text = client.get_secret_value(SecretId=secret).get("SecretString", "")
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            raise AwsError(
                f"Secrets Manager has no secret {secret} for {host} in {client.meta.region_name}.",
                "Correct ECR_REGISTRY_LOGINS: the ARN also names the region.",
            ) from None
    if (found := _login_in(text)) is None:
        raise AwsError(
            f"The secret {secret} is no login for {host}.",
            'It has to be JSON: {"username": "...", "password": "..."}, or "accessToken" in place of the password.',
        )
    return RegistryToken(host, *found)


def _login_in(text: str) -> tuple[str, str] | None:
    """Return user and password in a secret's text; None where it has none."""
    try:
        document = parse_json(text)
        user = document["username"]
        password = next(document[key] for key in _PASSWORDS if document.get(key))
    except (ValueError, TypeError, KeyError, AttributeError, StopIteration):
        return None
    is_login = isinstance(user, str) and isinstance(password, str) and user and ":" not in user
    return (user, password) if is_login else None
