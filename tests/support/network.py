"""A clock that moves only by waiting, and a network on which an AWS gives prepared answers to botocore."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from ecr_tasks.clients.ecr.retry import botocore_attempts, reject_truncated, retry_transient
from ecr_tasks.clients.retry import Retrier

WHOLE = json.dumps({"repositories": [{"repositoryName": "team/app"}]}).encode()
OK, CUT = "ok", "cut"
THROTTLED, FAILED, QUOTA = (400, "ThrottlingException"), (500, "InternalFailure"), (400, "LimitExceededException")

Answer = str | tuple[int, str] | Exception
"""The whole answer, a half of it, an error's status and code, or what the network raises."""


class Clock:
    """Seconds that pass only by waiting; it keeps the waits and the lines that reported them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.lines: list[str] = []

    def read(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        assert seconds > 0
        self.now += seconds
        self.waits.append(seconds)
        return False

    def pause(self, seconds: float) -> None:
        self.wait(seconds)

    def retrier(self, attempts: int | None = None, chance: Callable[[], float] = lambda: 0.5) -> Retrier:
        return Retrier(self.lines.append, attempts, sleep=self.wait, chance=chance, clock=self.read)


@dataclass
class Network:
    """Answers one request after the other, the last answer for ever; ``times`` is when they came."""

    answers: Iterable[Answer]
    clock: Clock
    times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next: Iterator[Answer] = iter(self.answers)
        self._last: Answer = OK

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """What the event before-send hands botocore instead of a network's answer."""
        self.times.append(self.clock.now)
        self._last = now = next(self._next, self._last)
        if isinstance(now, Exception):
            raise now
        status, body = 200, WHOLE
        if isinstance(now, tuple):
            status, body = now[0], json.dumps({"__type": now[1], "message": "no"}).encode()
        raw: Any = Raw(body[: len(body) // 2] if now == CUT else body)
        headers: Any = {"Content-Length": str(len(body)), "Content-Type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, status, headers, raw)

    def client(self, retrier: Retrier | None = None) -> Any:
        """An ECR client on this network, with all that the session gives one but a budget."""
        from botocore.config import Config

        retrier = retrier or self.clock.retrier()
        client: Any = boto3.client(
            "ecr",
            region_name="eu-central-1",
            endpoint_url="https://ecr.example.invalid",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="example",
            config=Config(retries={"mode": "standard", "total_max_attempts": botocore_attempts(retrier)}),
        )
        client.meta.events.register("before-send.ecr", self.answer)
        reject_truncated(client)
        retry_transient(client, retrier)
        return client


@dataclass
class Raw:
    """A body as urllib3 has it."""

    body: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.body
