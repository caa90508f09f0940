"""When a registry's token is fetched anew: before its end, with a role's new session, and after a refusal."""

from __future__ import annotations

from typing import cast

import pytest

from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.ecr.tokens import Tokens
from ecr_tasks.errors import AwsError
from ecr_tasks.model.registry import RENEWED_BEFORE, RegistryToken

HOURS = 3600.0


class Aws:
    """Credentials whose access key changes with the role's session, and a service that gives tokens for 12 hours."""

    def __init__(self) -> None:
        self.now = 0.0
        self.key: str | None = "ASIAFIRST"
        self.error: AwsError | None = None
        self.calls = 0
        self.tokens = Tokens(cast("AwsSession", self), lambda: self.now)

    def access_key(self) -> str | None:
        if self.error:
            raise self.error
        return self.key

    def fetch(self) -> RegistryToken:
        if self.error:
            raise self.error
        self.calls += 1
        return RegistryToken("host", "AWS", f"password {self.calls}", self.now + 12 * HOURS)

    def token(self) -> RegistryToken:
        return self.tokens.get("eu-west-1", self.fetch)


@pytest.fixture
def aws() -> Aws:
    return Aws()


def test_a_token_is_fetched_once_until_shortly_before_its_end(aws: Aws) -> None:
    first = aws.token()
    aws.now = 12 * HOURS - RENEWED_BEFORE
    assert aws.token() is first
    assert first.renewed().password == first.password
    aws.now += 1
    assert aws.token().password == first.renewed().password == "password 2"


def test_a_token_ends_with_the_session_that_it_came_from(aws: Aws) -> None:
    first = aws.token()
    aws.key = "ASIASECOND"
    assert first.renewed().password == "password 2"
    assert aws.token().password == "password 2"


def test_a_refused_token_is_replaced_once_for_all_its_hosts(aws: Aws) -> None:
    first = aws.token()
    other = RegistryToken("other", "AWS", first.password, first.expires, first.current)
    assert first.renewed(refused=True).password == "password 2"
    renewed = other.renewed(refused=True)
    assert (renewed.host, renewed.password) == ("other", "password 2")


def test_a_token_that_cant_be_renewed_is_used_to_its_end(aws: Aws) -> None:
    first = aws.token()
    aws.error = AwsError("The AWS credentials have expired.", "Get new ones.")
    aws.now = 12 * HOURS - 1
    assert first.renewed().password == first.password
    with pytest.raises(AwsError, match="expired"):
        first.renewed(refused=True)
    aws.now += 1
    with pytest.raises(AwsError, match="expired"):
        first.renewed()


def test_each_region_has_its_token(aws: Aws) -> None:
    first, other = aws.token(), aws.tokens.get("us-east-1", aws.fetch)
    assert first.password != other.password
    assert aws.token() is first
