"""Answers that end in the middle: asked for again, and an error if it stays so, never taken for an empty one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from ecr_tasks.ecr.errors import translated
from ecr_tasks.ecr.whole import ATTEMPTS, insist
from ecr_tasks.errors import AwsError

ANSWER = json.dumps({"repositories": [{"repositoryName": "team/app"}]}).encode()


@dataclass
class Network:
    """Answers every request, the first ``cut`` of them not to the end."""

    cut: int
    sent: int = 0
    waits: list[float] = field(default_factory=list)

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """What the event before-send hands botocore instead of a network's answer."""
        self.sent += 1
        body = ANSWER if self.sent > self.cut else ANSWER[: len(ANSWER) // 2]
        headers: Any = {"Content-Length": str(len(ANSWER)), "Content-Type": "application/x-amz-json-1.1"}
        raw: Any = Raw(body)
        return AWSResponse(request.url, 200, headers, raw)


@dataclass
class Raw:
    """A body as urllib3 has it."""

    body: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.body


def client(network: Network, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An ECR client on that network, which does not wait between attempts."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", network.waits.append)
    made: Any = boto3.client(
        "ecr",
        region_name="eu-central-1",
        endpoint_url="https://ecr.example.invalid",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="example",
    )
    made.meta.events.register("before-send.ecr", network.answer)
    insist(made)
    return made


def test_a_whole_answer_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(cut=0)
    assert client(network, monkeypatch).describe_repositories()["repositories"]
    assert network.sent == 1


def test_a_cut_answer_is_asked_for_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(cut=ATTEMPTS - 1)
    assert client(network, monkeypatch).describe_repositories()["repositories"]
    assert network.sent == ATTEMPTS
    assert network.waits == sorted(network.waits)
    assert min(network.waits) > 0


def test_answers_that_stay_cut_are_an_error_and_not_an_empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(cut=99)
    with pytest.raises(AwsError) as caught, translated("look at the repository team/app"):
        client(network, monkeypatch).describe_repositories()
    assert network.sent == ATTEMPTS
    assert "https://ecr.example.invalid" in caught.value.cause
    assert "Run it again" in caught.value.remedy
