"""What AWS can't answer now is asked for again for about a minute, and said; what can't get better is not."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from ecr_tasks.clients.ecr.errors import translated
from ecr_tasks.clients.ecr.retry import API, QUICK
from ecr_tasks.errors import AwsError, EcrTasksError, RegistryError
from tests.support.network import CUT, FAILED, OK, QUOTA, THROTTLED, Answer, Clock, Network

URL = "https://ecr.example.invalid"
DROPPED = ConnectionClosedError(endpoint_url=URL)
PASSING: list[Answer] = [THROTTLED, FAILED, (503, ""), (429, "Whatever"), DROPPED, CUT]


@pytest.mark.parametrize("trouble", PASSING, ids=str)
def test_what_passes_within_a_minute_is_outlasted(trouble: Answer) -> None:
    clock = Clock()
    network = Network([*[trouble] * (API.attempts - 1), OK], clock)
    assert network.client().describe_repositories()["repositories"]
    assert network.times[-1] - network.times[0] > 60


@pytest.mark.parametrize("trouble", PASSING, ids=str)
def test_what_does_not_pass_is_an_error_within_two_minutes(trouble: Answer) -> None:
    clock = Clock()
    network = Network([trouble], clock)
    with pytest.raises(EcrTasksError) as caught, translated("look at the repository team/app"):
        network.client().describe_repositories()
    assert isinstance(caught.value, (AwsError, RegistryError))
    assert len(network.times) == API.attempts
    assert network.times[-1] - network.times[0] < 120


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (THROTTLED, "ECR asks to slow down (ThrottlingException at DescribeRepositories)"),
        ((429, "429"), "ECR asks to slow down (429 at DescribeRepositories)"),
        (FAILED, "ECR has trouble (500, InternalFailure at DescribeRepositories)"),
        ((502, ""), "ECR has trouble (502 at DescribeRepositories)"),
        (DROPPED, "the connection to ECR ended in the middle of DescribeRepositories"),
        (CUT, "ECR's answer to DescribeRepositories was cut off"),
    ],
    ids=str,
)
def test_the_person_is_told_calmly_why_it_waits(trouble: Answer, words: str) -> None:
    clock = Clock()
    Network([trouble] * 4 + [OK], clock).client().describe_repositories()
    assert clock.told == [
        f"{words}; trying again in 0.8 s (4 of {API.attempts})",
        f"{words}; trying again in 1.5 s (5 of {API.attempts})",
    ]


@pytest.mark.parametrize(
    "trouble",
    [
        EndpointConnectionError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        ReadTimeoutError(endpoint_url=URL),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nobody_there_is_found_out_soon(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("botocore.endpoint.time.sleep", clock.pause)
    network = Network([trouble], clock)
    with pytest.raises(type(trouble)):
        network.client().describe_repositories()
    assert len(network.times) == QUICK
    assert network.times[-1] - network.times[0] < 10
    assert clock.told == []


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "UnrecognizedClientException", "RepositoryNotFoundException"]
)
def test_a_no_is_a_no(code: str) -> None:
    clock = Clock()
    network = Network([(400, code)], clock)
    with pytest.raises(ClientError):
        network.client().describe_repositories()
    assert len(network.times) == 1


def test_a_quota_that_is_used_up_is_no_throttling(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("botocore.endpoint.time.sleep", clock.pause)
    network = Network([QUOTA], clock)
    with pytest.raises(ClientError):
        network.client().describe_repositories()
    assert len(network.times) <= QUICK


@pytest.mark.parametrize("attempts", [1, 2, 20])
def test_the_users_number_of_attempts_counts(attempts: int) -> None:
    clock = Clock()
    network = Network([FAILED], clock)
    with pytest.raises(ClientError):
        network.client(clock.patience(attempts)).describe_repositories()
    assert len(network.times) == attempts
