"""A client's connection: one request after the other, until either side closes it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler

from . import body as limits
from .body import Body, Input, set_wait
from .messages import BadRequest, ClientGone, Request, Response, text_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    Handler = Callable[[Request], Response]

    class Log(Protocol):
        """Where every request is counted and written."""

        def count(self, request: Request) -> None: ...

        def write(self, request: Request, status: int, sent: int) -> None: ...


DRAIN_BYTES = 262_144
"""A refused body of up to this size is read and dropped, so that the connection can be kept."""

LINGER_SECONDS = 5.0
"""Seconds for which a refused client may go on sending: if its connection is closed earlier, it loses the answer."""

_TLS_HANDSHAKE = b"\x16"
_LINE_LIMIT = 65536


class Connection(BaseHTTPRequestHandler):
    """Serves one socket. ``busy`` is true from a request's first byte to the end of its response.

    The base class serves in its constructor; here ``serve`` does, so that another thread can call ``interrupt`` or
    set ``stopping`` meanwhile, which makes the request under way the last one.
    """

    protocol_version = "HTTP/1.1"
    request_version = default_request_version = "HTTP/1.0"
    disable_nagle_algorithm = True

    def __init__(self, sock: socket.socket, client_address: Any, handler: Handler, log: Log) -> None:
        self.request = sock
        self.client_address = client_address
        self._handler = handler
        self._log = log
        self.busy = False
        self.stopping = False

    def serve(self) -> None:
        """Answer requests until the connection is done."""
        with contextlib.suppress(ClientGone, OSError):  # nobody is left to answer
            self.setup()
            try:
                self.handle()
            finally:
                self.busy = False
                self.finish()

    def setup(self) -> None:
        """Prepare the socket; see the base class."""
        super().setup()
        set_wait(self.connection, socket.SO_SNDTIMEO, limits.SEND_WAIT)
        self.rfile.close()
        self.rfile = self._input = Input(self.connection)

    def handle(self) -> None:
        """Answer requests until the client or ``stopping`` ends it. Raises ClientGone, OSError."""
        self._input.allow(limits.FIRST_WAIT)
        self.close_connection = False
        while not self.close_connection and not self.stopping and self._input.peek(1):
            self.busy = True
            self.handle_one_request()
            self.busy = False
            self._input.allow(limits.IDLE_WAIT)

    def interrupt(self) -> None:
        """Wake the thread that serves this connection, from another thread."""
        with contextlib.suppress(OSError):  # it has closed by itself
            self.request.shutdown(socket.SHUT_RDWR)

    def handle_one_request(self) -> None:
        """Read one request and answer it. Raises ClientGone, OSError."""
        self._input.allow(limits.HEAD_WAIT)
        try:
            if self._input.peek(1)[:1] == _TLS_HANDSHAKE:
                # containerd tries HTTPS first and goes on to HTTP only if the reply starts with "HTTP/".
                raise BadRequest(400, "This is plain HTTP; the client spoke TLS.")
            self.raw_requestline = self._input.readline(_LINE_LIMIT + 1)
            while self.raw_requestline in (b"\r\n", b"\n"):  # RFC 9112 2.2: ignored before a request
                self.raw_requestline = self._input.readline(_LINE_LIMIT + 1)
            if not self.parse_request():
                return
            body, request = self._request()
        except TimeoutError:
            self.send_error(408, "The request's headers did not arrive in time.")
        except BadRequest as error:
            self.send_error(error.status, error.message)
        else:
            self._respond(request, body)

    def handle_expect_100(self) -> bool:
        """Do nothing: ``Body`` answers ``Expect: 100-continue`` when it is read."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no valid request, and close; also called by the base class."""
        del explain
        response = text_response(code, message or "This is not an HTTP request.")
        self._send_head(response, close=True)
        self.wfile.write(response.body)
        self._linger()

    def _request(self) -> tuple[Body, Request]:
        if len(self.requestline.split()) != 3:  # HTTP/0.9
            raise BadRequest(400, "This is not an HTTP request.")
        if self.headers.defects:
            raise BadRequest(400, "A header is malformed.")
        for name in ("Content-Length", "Host", "Transfer-Encoding"):
            if len(self.headers.get_all(name, ())) > 1:
                raise BadRequest(400, f"{name} is given twice.")
        target = self.path
        if target.startswith(("http://", "https://")):
            target = "/" + target.partition("//")[2].partition("/")[2]
        if not target.startswith("/"):
            raise BadRequest(400, "The request's target is not a path.")
        body = Body(self._input, self.connection, self.headers)
        return body, Request(self.command, target, self.headers, body)

    def _respond(self, request: Request, body: Body) -> None:
        response = self._answer(request)
        if response.close or self.stopping or body.unread > DRAIN_BYTES:
            self.close_connection = True
        sent = 0
        try:
            self._log.count(request)
            if response.file is None:
                # Written first: a client that has its response finds the request in the log.
                self._log.write(request, response.status, len(response.body))
            sent = self._send(request, response)
        finally:
            if response.file is not None:
                os.close(response.file)
                self._log.write(request, response.status, sent)
        if not self.close_connection:
            self.close_connection = not self._drain(body)
        elif not body.finished:
            self._linger()

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD") and "Origin" in request.headers:
            # Registry clients send no Origin; a web page does.
            return text_response(403, "A web page may not use the local ECR.")
        try:
            return self._handler(request)
        except BadRequest as error:
            return text_response(error.status, error.message, close=True)
        except ClientGone:
            self._log.write(request, 499, 0)
            raise
        except Exception:
            import traceback  # slow to load, and rarely needed

            traceback.print_exc(file=sys.stderr)
            return text_response(500, "The local ECR failed; its own log has the traceback.", close=True)

    def _send_head(self, response: Response, *, close: bool) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, " ".join(value.splitlines()))
        if response.status != 204:
            self.send_header("Content-Length", str(response.content_length))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, request: Request, response: Response) -> int:
        self._send_head(response, close=self.close_connection)
        if request.method == "HEAD":
            return 0
        if response.file is None:
            self.wfile.write(response.body)
            return len(response.body)
        sent = 0
        while sent < response.count:  # never for an empty file, which sendfile may refuse
            count = os.sendfile(
                self.connection.fileno(), response.file, response.offset + sent, response.count - sent
            )
            if not count:
                raise ClientGone  # the file is shorter than it was: the client must not wait for the rest
            sent += count
        return sent

    def _drain(self, body: Body) -> bool:
        """Read and drop the rest of a small body; returns whether its end was reached."""
        memory = memoryview(bytearray(65536)) if not body.finished else memoryview(b"")
        limit = DRAIN_BYTES
        while not body.finished and limit > 0:
            try:
                limit -= body.readinto(memory)
            except BadRequest:
                return False
        return body.finished

    def _linger(self) -> None:
        """Wait while the client reads the response: closing with bytes unread would reset the connection."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + LINGER_SECONDS
        set_wait(self.connection, socket.SO_RCVTIMEO, 1.0)
        memory = bytearray(65536)
        while time.monotonic() < deadline and self.connection.recv_into(memory):
            pass
