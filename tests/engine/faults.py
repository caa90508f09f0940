"""A proxy between the clients and a local ECR that spoils one request, or every one from there on.

The API and the registry share a port, so both boto3 and the docker engine come through here once the local ECR
hands the proxy's address out (``LocalEcr(advertise=…)``).
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

Kind = Literal["drop", "lose", "delay", "throttle", "fail", "truncate"]
_Answer = Kind | Literal["deny"]
"""What happens to a request: the connection ends before it is forwarded, or after it (the answer is lost); it
waits; it is answered 429 or 500 and not forwarded; its answer ends in the middle."""

DELAY = 0.3
PATIENCE = 20
_TLS = b"\x16"
"""A handshake's first byte: docker tries TLS first, even with a registry on 127.0.0.1."""
_NO_TLS = b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n"
_KINDS = {"blobs": "blob", "manifests": "manifest", "referrers": "referrers", "tags": "tags"}


@dataclass(frozen=True)
class Request:
    """One request as it came, and what it is called in messages."""

    method: str
    head: bytes
    body: bytes
    operation: str
    """The API's operation; empty for the registry's."""
    target: str

    @property
    def name(self) -> str:
        """``PutImage``, or ``PUT manifest``."""
        if self.operation:
            return self.operation
        return f"{self.method} {next((_KINDS[part] for part in self.target.split('/') if part in _KINDS), 'base')}"


@dataclass
class FaultProxy:
    """The proxy, as a context manager. ``upstream`` is the local ECR's port, set once that is known.

    ``seen`` names every request since the last ``arm``, ``times`` tells when it came (``time.monotonic``), ``hit``
    names those that were spoiled. ``after`` is called with every request that was answered, before its answer goes
    out.
    """

    upstream: int = 0
    seen: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    hit: list[str] = field(default_factory=list)
    after: Callable[[Request], None] = lambda request: None
    denied: bytes = b""
    """What is in the head of a request that these credentials may not make; nothing: they may all."""
    denied_operation: str = ""
    """The one operation of those that they may not; nothing: none of them."""
    _kind: Kind | None = None
    _at: int = -1
    _lasting: bool = False
    _seconds: float = math.inf
    _until: float = math.inf
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)
    _door: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=64))

    @property
    def address(self) -> str:
        """host:port, to be advertised."""
        return f"127.0.0.1:{self._door.getsockname()[1]}"

    def arm(
        self, kind: Kind | None = None, at: int = -1, *, lasting: bool = False, seconds: float = math.inf
    ) -> None:
        """Spoils the request number ``at`` (from 0), and with ``lasting`` every later one; counts anew.

        It lasts for so many ``seconds`` after the first.
        """
        with self._lock:
            self.seen, self.times, self.hit = [], [], []
            self._kind, self._at, self._lasting = kind, at, lasting
            self._seconds, self._until = seconds, math.inf

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._accept, name="fault-proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """One connection: requests one after the other, each on a connection of its own to the local ECR."""
        with self._lock:
            self._open.add(connection)
        try:
            with connection, connection.makefile("rb") as reader, suppress(OSError, http.client.HTTPException):
                if connection.recv(1, socket.MSG_PEEK) == _TLS:
                    connection.sendall(_NO_TLS)
                    return
                while (request := _read(reader)) is not None:
                    if not self._answer(connection, request):
                        return
        finally:
            with self._lock:
                self._open.discard(connection)

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Answers one request, spoiled if it is its turn; says whether the connection goes on."""
        kind = self._turn(request)
        if kind == "drop":
            return False
        if kind == "delay":
            time.sleep(DELAY)
        if kind in ("throttle", "fail", "deny"):
            connection.sendall(_refusal(kind, request))
            return True
        head, body, goes_on = self._forward(request)
        self.after(request)
        if kind == "lose":
            return False
        if kind == "truncate":  # an answer without a body ends in its head
            connection.sendall(head + body[: len(body) // 2] if body else head[: len(head) // 2])
            return False
        connection.sendall(head + body)
        return goes_on

    def _turn(self, request: Request) -> _Answer | None:
        if self.denied and self.denied in request.head and self.denied_operation in ("", request.operation):
            return "deny"
        with self._lock:
            number, now = len(self.seen), time.monotonic()
            self.seen.append(request.name)
            self.times.append(now)
            if number == self._at:
                self._until = now + self._seconds
            if self._kind is None or not (number == self._at or (self._lasting and self._at < number)):
                return None
            if now > self._until:
                return None
            self.hit.append(request.name)
            return self._kind

    def _forward(self, request: Request) -> tuple[bytes, bytes, bool]:
        """The local ECR's answer: head, body, and whether its connection would go on."""
        with socket.create_connection(("127.0.0.1", self.upstream), PATIENCE) as upstream:
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


def _read(reader: BinaryIO) -> Request | None:
    """The next request of a connection, its body included; None at its end."""
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
    body = _chunks(reader) if chunked else _exactly(reader, int(headers.get("content-length", 0)))
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    return Request(method, b"".join([*lines, b"\r\n"]), body, operation, target.partition("?")[0])


def _chunks(reader: BinaryIO) -> bytes:
    """A chunked body as it came, chunk heads included."""
    parts = []
    while True:
        head = reader.readline()
        size = int(head.partition(b";")[0] or b"0", 16)
        parts += [head, _exactly(reader, size + 2)]
        if size == 0:
            return b"".join(parts)


def _exactly(reader: BinaryIO, size: int) -> bytes:
    """So many bytes; a client that goes away before that is not waited for, nor is its request forwarded."""
    content = reader.read(size)
    if len(content) < size:
        raise ConnectionError
    return content


_REFUSALS: dict[_Answer, tuple[int, str, str, int, str, str]] = {
    "throttle": (400, "ThrottlingException", "Rate exceeded", 429, "TOOMANYREQUESTS", "Rate exceeded"),
    "fail": (500, "InternalFailure", "", 500, "UNKNOWN", "unknown error"),
    "deny": (400, "AccessDeniedException", "User: ci is not authorized to do this", 403, "DENIED", "denied"),
}
"""Status, code and words: AWS's for the API, which throttles and denies with 400 and a code, then a registry's."""


def _refusal(kind: _Answer, request: Request) -> bytes:
    """An answer that is none, of the API or of the registry."""
    api = _REFUSALS[kind][:3]
    status, code, message = api if request.operation else _REFUSALS[kind][3:]
    document: dict[str, object] = {"errors": [{"code": code, "message": message}]}
    media_type = "application/json"
    if request.operation:
        document, media_type = {"__type": code, "message": message}, "application/x-amz-json-1.1"
    body = b"" if request.method == "HEAD" else json.dumps(document).encode()
    length = len(json.dumps(document))
    head = f"HTTP/1.1 {status} {http.client.responses[status]}\r\nContent-Type: {media_type}\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n".encode() + body
