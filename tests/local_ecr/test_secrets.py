"""Logins of other registries from Secrets Manager: what a secret may look like, and errors without a part of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ecr_tasks.clients.ecr.secrets import login
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import AwsError
from ecr_tasks.model.registry import RegistryToken
from tests.support.build import settings
from tests.support.secrets_manager import SecretsManager

ARN = "arn:aws:secretsmanager:eu-west-3:210987654321:secret:build/hub-a1b2c3"
PASSWORD = "correct-horse-battery"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")


@pytest.fixture
def manager() -> Iterator[SecretsManager]:
    manager = SecretsManager()
    yield manager
    manager.close()


def login_of(manager: SecretsManager, secret: str = ARN) -> RegistryToken:
    """Return the login that a secret gives."""
    aws = AwsSession(settings(region="eu-west-1", sdk_environment=manager.environment))
    return login(aws, "ghcr.io", secret)


@pytest.mark.parametrize("member", ["password", "accessToken"])
def test_a_secret_of_ecs_and_of_the_pull_through_cache(manager: SecretsManager, member: str) -> None:
    manager.document = {"SecretString": json.dumps({"username": "me", member: PASSWORD})}
    token = login_of(manager)
    assert (token.host, token.username, token.password) == ("ghcr.io", "me", PASSWORD)
    assert PASSWORD not in repr(token)
    login_of(manager, "build/hub")
    assert manager.asked == [("eu-west-3", ARN), ("eu-west-1", "build/hub")]


@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        f'"{PASSWORD}"',
        f'["{PASSWORD}"]',
        f'{{"username": "", "password": "{PASSWORD}"}}',
        f'{{"username": "a:b", "password": "{PASSWORD}"}}',
        f'{{"password": "{PASSWORD}"}}',
        f'{{"username": "{PASSWORD}"}}',
        f'{{"username": "me", "password": ["{PASSWORD}"]}}',
        "",
    ],
)
def test_a_secret_that_is_no_login_is_refused_without_a_part_of_it(manager: SecretsManager, text: str) -> None:
    manager.document = {"SecretString": text}
    with pytest.raises(AwsError) as caught:
        login_of(manager)
    assert f"The secret {ARN} is no login for ghcr.io." in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ResourceNotFoundException", f"Secrets Manager has no secret {ARN} for ghcr.io in eu-west-3."),
        ("AccessDeniedException", f"read the login for ghcr.io (secretsmanager:GetSecretValue on {ARN})"),
    ],
)
def test_a_secret_that_can_not_be_read(manager: SecretsManager, code: str, words: str) -> None:
    manager.status, manager.document = 400, {"__type": code, "message": "no"}
    with pytest.raises(AwsError) as caught:
        login_of(manager)
    assert words in caught.value.cause


def test_the_local_ecrs_keys_are_not_taken_to_aws() -> None:
    aws = AwsSession(settings(region="eu-west-1", sdk_environment={"AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:1"}))
    with pytest.raises(AwsError, match="The local ECR has no secrets"):
        login(aws, "ghcr.io", ARN)
