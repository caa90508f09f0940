"""A local ECR whose every answer comes late, as over a network, and the count of what was asked of it.

    python -m bench.registry FOLDER SECONDS PORT

It holds back each answer as a proxy would, that of a refused request too, and on every port: no proxy could stand
before the ports of other accounts and regions, whose addresses the local ECR hands out itself. What a client asks
at the same time waits at the same time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ecr_tasks.local_ecr import other_registry, server
from ecr_tasks.local_ecr.http import listener

REGION = "us-east-1"


@dataclass(frozen=True)
class Traffic:
    """What was asked of a registry: calls of ECR's API, requests to the registry's own, and waves.

    ``waves`` is how many of the answers had to be waited for one after another: a request of the next wave was sent
    when one of the wave before was answered.
    """

    calls: int = 0
    requests: int = 0
    waves: int = 0


def waves(intervals: Iterable[tuple[float, float]]) -> int:
    """Return the largest number of intervals (start, end) of which none begins before another has ended."""
    count, last = 0, float("-inf")
    for end, start in sorted((end, start) for start, end in intervals):
        if start >= last:
            count, last = count + 1, end
    return count


def traffic(lines: Iterable[str]) -> Traffic:
    """Count the requests in these lines of the local ECR's access log (``AccessLog.write``)."""
    records = [json.loads(line) for line in lines]
    spans = []
    for record in records:
        end = datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()
        # The log's times are rounded to milliseconds.
        spans.append((end - record["milliseconds"] / 1000 + 0.003, end))
    calls = sum(1 for record in records if record["operation"])
    return Traffic(calls, len(records) - calls, waves(spans))


class Registry:
    """A local ECR in a process of its own, which answers after ``seconds``."""

    def __init__(self, root: Path, seconds: float) -> None:
        self.root = root
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{port}"
        self.endpoint = f"http://{self.host}"
        command = [sys.executable, "-m", "bench.registry", str(root), str(seconds), str(port)]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        if self._process.stdout.readline() != "ready\n":
            raise SystemExit("The benchmark's local ECR did not start: see above.")

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()

    def environment(self) -> dict[str, str]:
        """Return the variables that point boto3, the aws CLI and ecr-tasks to this server. The keys are dummies."""
        return {
            **{f"AWS_ENDPOINT_URL_{service}": self.endpoint for service in ("ECR", "STS")},
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIALOCALECRLOCALECR",
            "AWS_SECRET_ACCESS_KEY": "local-ecr",
        }

    def api(self, operation: str, region: str = REGION, **document: Any) -> dict[str, Any]:
        """Call an operation of ECR's API and return its answer."""
        signer = f"Credential=AKIALOCALECRLOCALECR/20260101/{region}/ecr/aws4_request"
        request = urllib.request.Request(  # noqa: S310 - it is our own
            self.endpoint,
            json.dumps(document).encode(),
            {
                "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
                "Content-Type": "application/x-amz-json-1.1",
                "Authorization": f"AWS4-HMAC-SHA256 {signer}",
            },
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
        return answer

    def create(self, name: str, account: str | None = None, region: str = REGION) -> str:
        """Create a repository and return its address."""
        more = {} if account is None else {"registryId": account}
        answer = self.api("CreateRepository", region, repositoryName=name, **more)
        return str(answer["repository"]["repositoryUri"])

    @contextlib.contextmanager
    def counted(self) -> Iterator[list[Traffic]]:
        """Put into the list, at the end, what was asked within the block."""
        log, result = self.root / "access.jsonl", [Traffic()]
        before = log.stat().st_size
        yield result
        with log.open("rb") as file:
            file.seek(before)
            result[0] = traffic(file.read().decode().splitlines())


def serve(root: Path, seconds: float, port: int) -> None:
    """Serve until SIGTERM; every answer comes ``seconds`` after it is known."""

    class LateListener(listener.Listener):
        def start(self, handle: Any, access_log: Any) -> None:
            def late(request: Any) -> Any:
                response = handle(request)
                time.sleep(seconds)
                return response

            super().start(late, access_log)

    if seconds:
        for module in (server, other_registry):
            module.Listener = LateListener  # type: ignore[attr-defined]
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with server.LocalEcr(root, port=port, region=REGION):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        parent = os.getppid()
        while not ended.wait(1) and os.getppid() == parent:
            pass


if __name__ == "__main__":
    serve(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
