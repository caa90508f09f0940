"""What answers in AWS' place, or AWS in another form than its API model says, is an error of its own."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.clients.ecr.botocore_session import EnvironmentSession
from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.clients.ecr.parse import parse_repository, parse_token
from ecr_tasks.errors import AwsError, EcrTasksError
from tests.support.network import RawBody

REPOSITORY = {"repositoryName": "team/app", "registryId": "123456789012", "repositoryUri": "x/team/app"}
ANSWER: list[Any] = []
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*REPOSITORY]), inner),
    max_leaves=6,
)


@cache
def client() -> Any:
    """Return an ECR client of ours that always gets the answer in ``ANSWER``; one for all tests, as it takes long."""
    created = EnvironmentSession(KEYS).create_client(
        "ecr", "eu-central-1", endpoint_url="https://ecr.example.invalid"
    )

    def answer(request: Any, **_: object) -> AWSResponse:
        body, status = ANSWER
        headers: Any = {"Content-Length": str(len(body)), "Content-Type": "application/x-amz-json-1.1"}
        raw: Any = RawBody(body)
        return AWSResponse(request.url, status, headers, raw)

    created.meta.events.register("before-send.ecr", answer)
    return created


def repository(body: bytes, status: int = 200) -> object:
    """Return the repository that an answer describes, as the registry reads it."""
    with translate_errors("look at the repository"):
        ANSWER[:] = [body, status]
        return parse_repository(client().describe_repositories()["repositories"][0])


def test_an_answer_of_ecrs_is_read() -> None:
    assert repository(json.dumps({"repositories": [REPOSITORY]}).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"7",
        b'{"repositories": []}',
        b'{"repositories": {}}',
        b'{"repositories": [7]}',
        b'{"repositories": [{"repositoryName": "a"}]}',
        json.dumps({"repositories": [{**REPOSITORY, "registryId": ["x"]}]}).encode(),
        json.dumps({"repositories": [{**REPOSITORY, "registryId": "\ud800"}]}).encode(),
        b'{"repositories": ' + b"[" * 100_000,
        b'{"repositories": ' + b"9" * 5_000 + b"}",
    ],
    ids=lambda body: str(body[:60]),
)
def test_another_answer_is_not_aws(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        repository(body)
    assert "AWS" in caught.value.cause
    assert "proxy" in caught.value.remedy


def test_a_time_that_is_none_is_not_aws() -> None:
    ANSWER[:] = [b'{"imageScanFindings": {"imageScanCompletedAt": 1e300}}', 200]
    with pytest.raises(AwsError), translate_errors("read the scan"):
        client().describe_image_scan_findings(repositoryName="team/app", imageId={"imageTag": "v1"})


def test_an_error_without_the_type_of_one_is_not_aws() -> None:
    with pytest.raises(AwsError):
        repository(b'{"__type": 1}', 400)


@settings(max_examples=60, deadline=None)
@given(values, st.sampled_from([200, 400]))
def test_any_answer_ends_in_a_sentence(value: Any, status: int) -> None:
    body = json.dumps({"repositories": [{**REPOSITORY, "repositoryName": value}], "__type": value}).encode()
    try:
        assert repository(body, status)
    except EcrTasksError:
        assert status == 400 or not isinstance(value, str)


def test_a_token_that_is_none_is_not_aws() -> None:
    data: Any = {"authorizationToken": "/w==", "expiresAt": datetime.max}
    with pytest.raises(AwsError):
        parse_token(data, "host")
