"""One client's connection: requests one after the other, until either side has had enough."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time

from . import body as limits
from .body import Body, Input, set_wait
from .messages import BadRequest, ClientGone, Request, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Application(Protocol):
        """What answers requests, and is told of every answer."""

        def handle(self, request: Request) -> Response: ...

        def count(self, request: Request, response: Response) -> None: ...

        def log(self, request: Request, status: int, sent: int) -> None: ...


DRAIN_BYTES = 262_144
"""A refused body of up to this size is read and dropped, so that the connection can be kept."""

LINGER_SECONDS = 5.0
"""How long a refused client may go on sending before its connection is cut: a cut loses the answer."""

_TLS_HANDSHAKE = 0x16


class Connection:
    """Serves one socket. ``busy`` is true from a request's first byte to the end of its response."""

    def __init__(self, sock: socket.socket, application: Application, ahead: bytes = b"") -> None:
        self._sock = sock
        self._input = Input(sock, ahead)
        self._application = application
        self.busy = False
        self.stopping = False

    def serve(self) -> None:
        """Answer requests until the connection is done, then close it."""
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            set_wait(self._sock, socket.SO_SNDTIMEO, limits.SEND_WAIT)
            wait = limits.FIRST_WAIT
            while not self.stopping and self._input.wait(wait):
                self.busy = True
                if not self._exchange():
                    break
                self.busy = False
                wait = limits.IDLE_WAIT
        except (ClientGone, OSError):
            pass  # nobody is left to tell
        finally:
            self.busy = False
            self._sock.close()

    def interrupt(self) -> None:
        """Wake the thread that serves this connection, from another thread."""
        self.stopping = True
        with contextlib.suppress(OSError):  # it has closed by itself
            self._sock.shutdown(socket.SHUT_RDWR)

    def _exchange(self) -> bool:
        """One request and its response; whether the connection can be kept."""
        try:
            if self._input.first_byte() == _TLS_HANDSHAKE:
                # containerd tries HTTPS first and goes on to HTTP only if the reply starts with "HTTP/".
                raise BadRequest(400, "This is plain HTTP; the client spoke TLS.")
            request = self._read()
        except BadRequest as error:
            self._refuse(error)
            return False
        except ClientGone:
            return False
        body = request.body
        assert isinstance(body, Body)  # noqa: S101  (for mypy)
        response = self._answer(request)
        keep = request.keep_alive and not response.close and not self.stopping and body.unread <= DRAIN_BYTES
        sent = 0
        try:
            self._application.count(request, response)
            if response.file is None:
                # Logged first: a client that has its answer finds it in the log.
                self._application.log(request, response.status, len(response.body))
            sent = self._send(request, response, close=not keep)
        finally:
            if response.file is not None:
                os.close(response.file)
                self._application.log(request, response.status, sent)
        if keep:
            return self._drain(body, DRAIN_BYTES)
        if not body.finished:
            self._linger()
        return False

    def _read(self) -> Request:
        head = self._input.head().decode("latin-1")
        first, *lines = head.split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[0].isalpha() or not parts[2].startswith("HTTP/"):
            raise BadRequest(400, "This is not an HTTP request.")
        method, target, version = parts
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequest(505, "Only HTTP/1.1 and HTTP/1.0 are understood.")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequest(400, "A header is malformed.")
            key = name.lower()
            if key in headers and key in ("content-length", "host", "transfer-encoding"):
                raise BadRequest(400, f"{name} is given twice.")
            value = value.strip()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        if target.startswith(("http://", "https://")):
            target = "/" + target.partition("//")[2].partition("/")[2]
        if not target.startswith("/"):
            raise BadRequest(400, "The request's target is not a path.")
        wish = headers.get("connection", "").lower()
        keep_alive = "close" not in wish if version == "HTTP/1.1" else "keep-alive" in wish
        return Request(method, target, headers, Body(self._input, self._sock, headers), keep_alive=keep_alive)

    def _answer(self, request: Request) -> Response:
        try:
            return self._application.handle(request)
        except BadRequest as error:
            return _plain(error.status, error.message, close=True)
        except ClientGone:
            self._application.log(request, 499, 0)
            raise
        except Exception:
            import traceback  # slow to load, and hardly ever needed

            traceback.print_exc(file=sys.stderr)
            return _plain(500, "The local ECR failed; its own log has the traceback.", close=True)

    def _refuse(self, error: BadRequest) -> None:
        self._sock.sendall(_plain(error.status, error.message).head(close=True) + error.message.encode())
        self._linger()

    def _send(self, request: Request, response: Response, *, close: bool) -> int:
        head = response.head(close=close)
        if request.method == "HEAD":
            self._sock.sendall(head)
            return 0
        if response.file is None:
            self._sock.sendall(head + response.body)
            return len(response.body)
        self._sock.sendall(head)
        sent = 0
        while sent < response.count:  # never for an empty file, which sendfile may refuse
            count = os.sendfile(self._sock.fileno(), response.file, response.offset + sent, response.count - sent)
            if not count:
                raise ClientGone  # the file is shorter than it was: the client must not wait for the rest
            sent += count
        return sent

    def _drain(self, body: Body, limit: int) -> bool:
        memory = memoryview(bytearray(65536)) if not body.finished else memoryview(b"")
        while not body.finished and limit > 0:
            try:
                limit -= body.readinto(memory)
            except BadRequest:
                return False
        return body.finished

    def _linger(self) -> None:
        """Let the client read our answer: closing with bytes unread would reset the connection."""
        self._sock.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + LINGER_SECONDS
        set_wait(self._sock, socket.SO_RCVTIMEO, 1.0)
        memory = bytearray(65536)
        while time.monotonic() < deadline and self._sock.recv_into(memory):
            pass


def _plain(status: int, message: str, *, close: bool = False) -> Response:
    return Response(status, message.encode(), {"Content-Type": "text/plain; charset=utf-8"}, close=close)
