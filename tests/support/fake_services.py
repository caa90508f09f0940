"""ECS, Lambda and EKS as far as they are asked what they run: one HTTP server with what a test puts into it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/"
_FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:"


class FakeServices:
    """What runs. ``tasks`` are (image, digest) of running tasks, ``services`` task definitions by service.

    ``definitions`` are images by task definition; ``families`` are the names of those that are the newest ones of a
    family. ``functions`` are (image, resolved image) by function. ``denied`` are operations that are refused,
    ``throttled`` how many times one is before it is answered.
    """

    def __init__(self) -> None:
        self.tasks: list[tuple[str, str | None]] = []
        self.services: dict[str, str] = {}
        self.definitions: dict[str, list[str]] = {}
        self.families: list[str] = []
        self.functions: dict[str, tuple[str, str]] = {}
        self.eks: list[str] = []
        self.denied: set[str] = set()
        self.throttled: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.endpoint = ""

    def environment(self) -> dict[str, str]:
        """Return the variables that point the SDK here."""
        return {f"AWS_ENDPOINT_URL_{name}": self.endpoint for name in ("ECS", "LAMBDA", "EKS")}

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one call."""
        if operation == "ListClusters":
            return {"clusterArns": [f"{_CLUSTER}main"]}
        if operation == "ListTasks":
            return _page("taskArns", [f"task/{number}" for number in range(len(self.tasks))], request, 100)
        if operation == "DescribeTasks":
            assert len(request["tasks"]) <= 100
            chosen = [self.tasks[int(arn.partition("/")[2])] for arn in request["tasks"]]
            return {
                "tasks": [
                    {"containers": [{"image": image, **({"imageDigest": digest} if digest else {})}]}
                    for image, digest in chosen
                ],
                "failures": [],
            }
        if operation == "ListServices":
            return _page("serviceArns", [*self.services], request, 10)
        if operation == "DescribeServices":
            assert len(request["services"]) <= 10
            return {
                "services": [
                    {"serviceName": name, "taskDefinition": self.services[name]} for name in request["services"]
                ],
                "failures": [],
            }
        if operation == "ListTaskDefinitionFamilies":
            return _page("families", self.families, request, 100)
        assert operation == "DescribeTaskDefinition"
        images = self.definitions[request["taskDefinition"]]
        return {"taskDefinition": {"containerDefinitions": [{"image": image} for image in images]}}

    def get(self, path: str) -> tuple[str, dict[str, Any]]:
        """Return the operation and the answer of a call by GET."""
        if path == "/clusters":
            return "eks:ListClusters", {"clusters": self.eks}
        name = unquote(path).partition("/functions/")[2].partition("/")[0]
        if not name:
            functions = [{"FunctionArn": _FUNCTION + name, "PackageType": "Image"} for name in self.functions]
            return "ListFunctions", {
                "Functions": [*functions, {"FunctionArn": f"{_FUNCTION}zip", "PackageType": "Zip"}]
            }
        image, resolved = self.functions[name.removeprefix(_FUNCTION)]
        return "GetFunction", {"Code": {"ImageUri": image, "ResolvedImageUri": resolved}}


@contextmanager
def fake_services() -> Iterator[FakeServices]:
    """Serve them on this machine."""
    services = FakeServices()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].partition(".")[2]
            self._answer(operation, lambda: services.answer(operation, request))

        def do_GET(self) -> None:
            operation, document = services.get(urlsplit(self.path).path)
            self._answer(operation, lambda: document)

        def _answer(self, operation: str, answer: Any) -> None:
            services.calls[operation] += 1
            status, document = 200, None
            if operation in services.denied:
                status, document = 400, {"__type": "AccessDeniedException", "message": f"not authorized: {operation}"}
                if self.command != "POST":
                    status = 403
            elif services.throttled[operation] > 0:
                services.throttled[operation] -= 1
                status, document = 429, {"__type": "ThrottlingException", "message": "Rate exceeded"}
            body = json.dumps(document or answer()).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("x-amzn-ErrorType", document["__type"] if document else "")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    services.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield services
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _page(key: str, items: list[str], request: dict[str, Any], size: int) -> dict[str, Any]:
    start = int(request.get("nextToken") or 0)
    more = {"nextToken": str(start + size)} if start + size < len(items) else {}
    return {key: items[start : start + size], **more}
