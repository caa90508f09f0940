"""A fake clock that moves only by waiting, and a fake network that gives botocore prepared answers of ECR."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from ecr_tasks.clients.ecr.retry import botocore_attempts, reject_truncated, retry_transient
from ecr_tasks.clients.retry import Retrier

BODY = json.dumps({"repositories": [{"repositoryName": "team/app"}]}).encode()
OK, CUT = "ok", "cut"
THROTTLED, FAILED, QUOTA = (400, "ThrottlingException"), (500, "InternalFailure"), (400, "LimitExceededException")

Answer = str | tuple[int, str] | Exception
"""The complete answer, half of it, the status and code of an error, or the exception that the network raises."""


class Clock:
    """A clock whose time passes only by waiting. It records the waits and the lines that report them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.lines: list[str] = []

    def read(self) -> float:
        """Return the current time."""
        return self.now

    def wait(self, seconds: float) -> bool:
        """Let time pass; return False, as the run has not ended."""
        assert seconds > 0
        self.now += seconds
        self.waits.append(seconds)
        return False

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.wait(seconds)

    def retrier(self, attempts: int | None = None, jitter: Callable[[], float] = lambda: 0.5) -> Retrier:
        """Return a Retrier that uses this clock and records its lines."""
        return Retrier(self.lines.append, attempts, sleep=self.wait, jitter=jitter, clock=self.read)


@dataclass
class Network:
    """Gives each request the next answer, and repeats the last one. ``times`` has the time of each request."""

    answers: Iterable[Answer]
    clock: Clock
    times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next: Iterator[Answer] = iter(self.answers)
        self._last: Answer = OK

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """Return the next answer to botocore, which calls this at its event before-send."""
        self.times.append(self.clock.now)
        self._last = answer = next(self._next, self._last)
        if isinstance(answer, Exception):
            raise answer
        status, body = 200, BODY
        if isinstance(answer, tuple):
            status, body = answer[0], json.dumps({"__type": answer[1], "message": "no"}).encode()
        raw: Any = RawBody(body[: len(body) // 2] if answer == CUT else body)
        headers: Any = {"Content-Length": str(len(body)), "Content-Type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, status, headers, raw)

    def client(self, retrier: Retrier | None = None, endpoint: str = "https://ecr.example.invalid") -> Any:
        """Return an ECR client on this network, set up as the session does, without the rate limit."""
        from botocore.config import Config

        retrier = retrier or self.clock.retrier()
        client: Any = boto3.client(
            "ecr",
            region_name="eu-central-1",
            endpoint_url=endpoint,
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="example",
            config=Config(retries={"mode": "standard", "total_max_attempts": botocore_attempts(retrier)}),
        )
        client.meta.events.register("before-send.ecr", self.answer)
        reject_truncated(client)
        retry_transient(client, retrier)
        return client


@dataclass
class RawBody:
    """A response body with the interface of urllib3."""

    body: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.body
