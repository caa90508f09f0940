"""A proxy between the clients and a local ECR that makes one request fail, or every request from a number on.

The API and the registry share a port, so the requests of boto3 and of the docker engine both pass the proxy if the
local ECR advertises its address (``LocalEcr(advertise=…)``).
"""

from __future__ import annotations

import http.client
import json
import math
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Literal

FaultKind = Literal["drop", "lose", "delay", "throttle", "fail", "truncate"]
_Fault = FaultKind | Literal["deny"]
"""The fault of a request: its connection is closed before it is forwarded (drop) or after it (lose), it is delayed,
it is answered with 429 or 500 and not forwarded, or its answer ends in the middle."""

DELAY_SECONDS = 0.3
SETTLED_SECONDS = 0.5
TIMEOUT_SECONDS = 20
_TLS = b"\x16"
"""The first byte of a TLS handshake: docker tries TLS first, even with a registry on 127.0.0.1."""
_NO_TLS = b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n"
_RESOURCES = {"blobs": "blob", "manifests": "manifest", "referrers": "referrers", "tags": "tags"}


@dataclass(frozen=True)
class Request:
    """A request as it was received."""

    method: str
    head: bytes
    body: bytes
    operation: str
    """The operation of the API; empty for a request to the registry."""
    target: str

    @property
    def name(self) -> str:
        """The name of the request in messages, such as ``PutImage`` or ``PUT manifest``."""
        if self.operation:
            return self.operation
        resource = next((_RESOURCES[part] for part in self.target.split("/") if part in _RESOURCES), "base")
        return f"{self.method} {resource}"


@dataclass
class FaultProxy:
    """The proxy, as a context manager. ``upstream`` is the port of the local ECR.

    ``request_names`` has the name of every request since the last ``arm``, ``request_times`` its time
    (``time.monotonic``), and ``faulty`` the names of the requests that got the fault. ``after`` is called with every
    forwarded request before its answer is sent.
    """

    upstream: int = 0
    request_names: list[str] = field(default_factory=list)
    request_times: list[float] = field(default_factory=list)
    faulty: list[str] = field(default_factory=list)
    after: Callable[[Request], None] = lambda request: None
    denied: bytes = b""
    """A request with these bytes in its head is denied; if empty, none is."""
    denied_operation: str = ""
    """Only this operation is denied; if empty, every operation is."""
    _kind: FaultKind | None = None
    _at: int | str = -1
    _lasting: bool = False
    _duration: float = math.inf
    _end: float = math.inf
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=64))

    @property
    def address(self) -> str:
        """The host and port of the proxy, for the local ECR to advertise."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def arm(
        self, kind: FaultKind | None = None, at: int | str = -1, *, lasting: bool = False, seconds: float = math.inf
    ) -> None:
        """Give a request a fault, and with ``lasting`` every later one; restart the count.

        ``at`` is its number (from 0), or the name of which it is the first: docker's requests vary in number.

        A lasting fault ends this many ``seconds`` after its first request.
        """
        with self._lock:
            self.request_names, self.request_times, self.faulty = [], [], []
            self._kind, self._at, self._lasting = kind, at, lasting
            self._duration, self._end = seconds, math.inf

    def settled(self) -> int:
        """Return the number of requests when none has come for a while.

        docker ends at its first layer that is refused, and the engine's requests for the others still come.
        """
        until = time.monotonic() + 60
        while time.monotonic() - self.request_times[-1] < SETTLED_SECONDS:
            assert time.monotonic() < until, f"requests without end, the last one {self.request_names[-1]}"
            time.sleep(SETTLED_SECONDS / 10)
        return len(self.request_names)

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._accept, name="fault-proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer the requests of a connection, each with a connection of its own to the local ECR."""
        with self._lock:
            self._open.add(connection)
        try:
            with connection, connection.makefile("rb") as reader, suppress(OSError, http.client.HTTPException):
                if connection.recv(1, socket.MSG_PEEK) == _TLS:
                    connection.sendall(_NO_TLS)
                    return
                while (request := _read_request(reader)) is not None:
                    if not self._answer(connection, request):
                        return
        finally:
            with self._lock:
                self._open.discard(connection)

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Answer a request, with its fault if it has one, and return whether the connection stays open."""
        kind = self._next_fault(request)
        if kind == "drop":
            return False
        if kind == "delay":
            time.sleep(DELAY_SECONDS)
        if kind in ("throttle", "fail", "deny"):
            connection.sendall(_error_response(kind, request))
            return True
        head, body, keeps_open = self._forward(request)
        self.after(request)
        if kind == "lose":
            return False
        if kind == "truncate":  # an answer without a body ends in its head
            connection.sendall(head + body[: len(body) // 2] if body else head[: len(head) // 2])
            return False
        connection.sendall(head + body)
        return keeps_open

    def _next_fault(self, request: Request) -> _Fault | None:
        if self.denied and self.denied in request.head and self.denied_operation in ("", request.operation):
            return "deny"
        with self._lock:
            number, now = len(self.request_names), time.monotonic()
            self.request_names.append(request.name)
            self.request_times.append(now)
            if request.name == self._at:
                self._at = number
            if number == self._at:
                self._end = now + self._duration
            begun = isinstance(self._at, int) and (number == self._at or (self._lasting and self._at < number))
            if self._kind is None or not begun or now > self._end:
                return None
            self.faulty.append(request.name)
            return self._kind

    def _forward(self, request: Request) -> tuple[bytes, bytes, bool]:
        """Return the answer of the local ECR: head, body, and whether its connection stays open."""
        with socket.create_connection(("127.0.0.1", self.upstream), TIMEOUT_SECONDS) as upstream:
            upstream.sendall(request.head + request.body)
            answer = http.client.HTTPResponse(upstream, method=request.method)
            answer.begin()
            body = answer.read()
            lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
            fields = [(name, value) for name, value in answer.getheaders() if name.lower() != "transfer-encoding"]
            if not any(name.lower() == "content-length" for name, _ in fields) and answer.status != 204:
                fields.append(("Content-Length", str(len(body))))
            lines += [f"{name}: {value}" for name, value in fields]
            return "\r\n".join([*lines, "", ""]).encode("latin-1"), body, not answer.will_close


def _read_request(reader: BinaryIO) -> Request | None:
    """Read the next request of a connection with its body; return None at the end of the connection."""
    first = reader.readline()
    if not first.strip():
        return None
    lines, headers = [first], {}
    while (line := reader.readline()).strip():
        lines.append(line)
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    method, target, _ = first.decode("latin-1").split(" ", 2)
    chunked = headers.get("transfer-encoding", "").lower() == "chunked"
    body = _read_chunked(reader) if chunked else _read_exactly(reader, int(headers.get("content-length", 0)))
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    return Request(method, b"".join([*lines, b"\r\n"]), body, operation, target.partition("?")[0])


def _read_chunked(reader: BinaryIO) -> bytes:
    """Read a chunked body as it was sent, with the heads of its chunks."""
    parts = []
    while True:
        head = reader.readline()
        size = int(head.partition(b";")[0] or b"0", 16)
        parts += [head, _read_exactly(reader, size + 2)]
        if size == 0:
            return b"".join(parts)


def _read_exactly(reader: BinaryIO, size: int) -> bytes:
    """Read this many bytes. Raises ConnectionError when the client closes the connection before."""
    content = reader.read(size)
    if len(content) < size:
        raise ConnectionError
    return content


_ERRORS: dict[_Fault, tuple[int, str, str, int, str, str]] = {
    "throttle": (400, "ThrottlingException", "Rate exceeded", 429, "TOOMANYREQUESTS", "Rate exceeded"),
    "fail": (500, "InternalFailure", "", 500, "UNKNOWN", "unknown error"),
    "deny": (400, "AccessDeniedException", "User: ci is not authorized to do this", 403, "DENIED", "denied"),
}
"""Status, code and message: first those of the AWS API, which throttles and denies with 400, then a registry's."""


def _error_response(kind: _Fault, request: Request) -> bytes:
    """Return the error response of the API or of the registry."""
    api = _ERRORS[kind][:3]
    status, code, message = api if request.operation else _ERRORS[kind][3:]
    document: dict[str, object] = {"errors": [{"code": code, "message": message}]}
    media_type = "application/json"
    if request.operation:
        document, media_type = {"__type": code, "message": message}, "application/x-amz-json-1.1"
    body = b"" if request.method == "HEAD" else json.dumps(document).encode()
    length = len(json.dumps(document))
    head = f"HTTP/1.1 {status} {http.client.responses[status]}\r\nContent-Type: {media_type}\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n".encode() + body
