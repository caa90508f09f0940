"""Retries of API calls: transient failures for about a minute, truncated answers too, and nothing else."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.clients.ecr.retry import API, BOTOCORE_ATTEMPTS, before_each_retry
from ecr_tasks.clients.retry import RESTART
from ecr_tasks.errors import AwsError, EcrTasksError, Refused, RegistryError
from tests.support.network import CUT, FAILED, OK, QUOTA, THROTTLED, Answer, Clock, Network

URL = "https://ecr.example.invalid"
DROPPED = ConnectionClosedError(endpoint_url=URL)
TRANSIENT: list[Answer] = [THROTTLED, FAILED, (503, ""), (429, "Whatever"), DROPPED, CUT]


@pytest.mark.parametrize("failure", TRANSIENT, ids=str)
def test_what_passes_within_a_minute_is_outlasted(failure: Answer) -> None:
    clock = Clock()
    network = Network([*[failure] * (API.attempts - 1), OK], clock)
    assert network.client().describe_repositories()["repositories"]
    assert network.times[-1] - network.times[0] > 60


@pytest.mark.parametrize("failure", TRANSIENT, ids=str)
def test_what_does_not_pass_is_an_error_within_two_minutes(failure: Answer) -> None:
    clock = Clock()
    network = Network([failure], clock)
    with pytest.raises(EcrTasksError) as caught, translate_errors("look at the repository team/app"):
        network.client().describe_repositories()
    assert isinstance(caught.value, (AwsError, RegistryError))
    assert len(network.times) == API.attempts
    assert network.times[-1] - network.times[0] < 120


@pytest.mark.parametrize(
    ("failure", "reason"),
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
def test_the_person_is_told_calmly_why_it_waits(failure: Answer, reason: str) -> None:
    clock = Clock()
    Network([failure] * 4 + [OK], clock).client().describe_repositories()
    assert clock.lines == [
        f"{reason}; trying again in 0.8 s (4 of {API.attempts})",
        f"{reason}; trying again in 1.5 s (5 of {API.attempts})",
    ]


UNREACHED: list[Exception] = [EndpointConnectionError(endpoint_url=URL), ConnectTimeoutError(endpoint_url=URL)]


@pytest.mark.parametrize("failure", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_network_that_goes_away_after_an_answer_is_outlasted(failure: Exception) -> None:
    """Its names or its way are gone for a minute, in the middle of a run."""
    clock = Clock()
    network = Network([OK, *[failure] * (API.attempts - 1), OK], clock)
    client = network.client()
    for _ in range(2):
        assert client.describe_repositories()["repositories"]
    assert network.times[-1] - network.times[0] > 60
    assert clock.lines[0] == f"ECR can't be reached any more; trying again in 0.8 s (4 of {API.attempts})"


def test_a_registry_on_this_machine_is_waited_for_as_long_as_a_restart_takes() -> None:
    clock = Clock()
    network = Network([OK, UNREACHED[0]], clock)
    client = network.client(retrier := clock.retrier(), "http://127.0.0.1:5000")
    assert client.describe_repositories()["repositories"]
    with pytest.raises(EndpointConnectionError):
        client.describe_repositories()
    assert len(network.times) == 1 + RESTART.attempts
    assert network.times[-1] - network.times[0] < 30
    assert retrier.wait_for_restart(1, "docker can't reach it either") is False


@pytest.mark.parametrize(
    "failure", [*UNREACHED, ReadTimeoutError(endpoint_url=URL)], ids=lambda error: type(error).__name__
)
def test_nobody_there_is_found_out_soon(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("botocore.endpoint.time.sleep", clock.pause)
    network = Network([failure], clock)
    with pytest.raises(type(failure)):
        network.client().describe_repositories()
    assert len(network.times) == BOTOCORE_ATTEMPTS
    assert network.times[-1] - network.times[0] < 10
    assert clock.lines == []


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
    assert len(network.times) <= BOTOCORE_ATTEMPTS


@pytest.mark.parametrize("attempts", [1, 2, 20])
def test_the_users_number_of_attempts_counts(attempts: int) -> None:
    clock = Clock()
    network = Network([FAILED], clock)
    with pytest.raises(ClientError):
        network.client(clock.retrier(attempts)).describe_repositories()
    assert len(network.times) == attempts


@pytest.mark.parametrize("failure", [*TRANSIENT, ReadTimeoutError(endpoint_url=URL)], ids=str)
def test_each_further_attempt_is_preceded_by_what_the_caller_looks_at(failure: Answer) -> None:
    """What the caller saw before the first one may be old by then; a call of its own has no such look."""
    network, looks = Network([failure, OK, OK, failure, OK], Clock()), list[int]()
    client = network.client()

    def look() -> None:
        looks.append(len(network.times))
        if len(looks) == 2:
            raise Refused("Another run has set it.", "Run it again.")
        client.describe_repositories()

    with before_each_retry(look):
        client.describe_repositories()
        assert looks == [1]
        with pytest.raises(Refused):
            client.describe_repositories()
    assert looks == [1, 4]
    client.describe_repositories()
    assert len(looks) == 2


def test_a_whole_answer_is_taken_at_once() -> None:
    network = Network([OK], Clock())
    assert network.client().describe_repositories()["repositories"]
    assert len(network.times) == 1


def test_a_cut_answer_is_asked_for_again_after_a_while() -> None:
    network = Network([CUT, CUT, CUT, OK], Clock())
    assert network.client().describe_repositories()["repositories"]
    assert len(network.times) == 4
    assert network.clock.waits == sorted(network.clock.waits)
    assert len(network.clock.waits) == 3


def test_answers_that_stay_cut_are_an_error_and_not_an_empty_registry() -> None:
    network = Network([CUT], Clock())
    with pytest.raises(AwsError) as caught, translate_errors("look at the repository team/app"):
        network.client().describe_repositories()
    assert len(network.times) == API.attempts
    assert "https://ecr.example.invalid" in caught.value.cause
    assert "Run it again" in caught.value.remedy
