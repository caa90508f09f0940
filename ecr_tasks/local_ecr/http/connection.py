"""A client's connection: its requests are read, answered by the handler, and logged."""

from __future__ import annotations

import contextlib
import io
import math
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler

from ..errors import storage_problem
from .head import check_host, read_head
from .messages import BadRequest, ClientGone, Reader, Request, Response, text_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from .limits import Limits

    class Log(Protocol):
        """Where every request is counted and written."""

        def count(self, request: Request) -> None: ...
        def write(self, request: Request, status: int, sent: int) -> None: ...

    class Server(Protocol):
        """What a connection needs of the listener that accepted it (``listener.Listener``)."""

        handler: Callable[[Request], Response]
        log: Log
        limits: Limits
        names: frozenset[str]
        stopping: bool
        connections: set[Connection]


HEAD_WAIT = 10.0
"""Seconds from the start of a connection, or from a later request's first byte, to the end of its headers."""

LINGER_SECONDS = 5.0
"""Seconds for which a refused client may go on sending: if the connection closes earlier, it loses the response."""

_TLS_HANDSHAKE = b"\x16"
_READ_AHEAD = 16384
_PIECE = 4 << 20
"""The number of bytes of a file that are sent between two looks at whether the client takes them."""


class Connection(BaseHTTPRequestHandler):
    """A client's connection. The base class parses its requests and calls the public methods.

    ``is_idle`` is true between two requests: until the next one's first byte has arrived.
    """

    protocol_version = "HTTP/1.1"
    request_version = default_request_version = "HTTP/1.0"
    disable_nagle_algorithm = True
    timeout = 75.0
    """Seconds that a connection may be silent between requests, and that a client may take no byte of a response."""

    server: Server  # type: ignore[assignment]
    rbufsize = 0
    is_idle = True
    _is_sending = False

    def setup(self) -> None:
        super().setup()
        self.reader = Reader(self.connection.makefile("rb", 0), _READ_AHEAD)
        self.reader.allow(HEAD_WAIT)
        self.server.connections.add(self)
        self.server.limits.add(self)

    def finish(self) -> None:
        self.server.connections.discard(self)
        self.server.limits.discard(self)
        self.reader.close()
        super().finish()

    def handle(self) -> None:
        """Answer requests until the client or the listener ends it. Raises ClientGone, OSError."""
        self.close_connection = False
        while not self.close_connection and not self.server.stopping and self.reader.peek(1):
            self.is_idle = False
            self.handle_one_request()
            self.reader.allow(math.inf)
            self.is_idle = True

    def handle_one_request(self) -> None:
        """Read one request and answer it. Raises ClientGone, OSError."""
        self.reader.allow(HEAD_WAIT)
        try:
            request = self._read_head()
        except ClientGone:
            self._refuse_incomplete()
        except BadRequest as error:
            self.send_error(error.status, error.message)
        else:
            if request is not None:
                self._respond(request)

    @property
    def waits_since(self) -> float:
        """Return since when this waits for its client (monotonic); infinite while it does not."""
        return self.reader.since

    def evict(self) -> None:
        """Close a connection that waits for its client, so that another one finds room; called by another thread."""
        self.reader.deadline = 0.0
        self.interrupt(socket.SHUT_RDWR if self._is_sending else socket.SHUT_RD)

    def handle_expect_100(self) -> bool:
        return True  # ``Request`` answers ``Expect: 100-continue`` when its body is read

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no valid request, and close."""
        self.close_connection = True
        self._send(text_response(code, message or "This is not an HTTP request."))
        self._linger()

    def _refuse_incomplete(self) -> None:
        """Answer a request that ended too early (RFC 9112, section 8), or that was not sent in time."""
        if time.monotonic() < self.reader.deadline:
            self.send_error(400, "The request ended before it was complete.")
        else:
            self.send_error(408, "The request did not arrive in time.")

    def interrupt(self, how: int = socket.SHUT_RDWR) -> None:
        """Shut the socket down, so that the thread that waits for it wakes up; called by another thread."""
        with contextlib.suppress(OSError):  # it is closed already
            self.connection.shutdown(how)

    def _read_head(self) -> Request | None:
        """Return the next request; None if the base class has refused it. Raises BadRequest, ClientGone, OSError."""
        self.command = ""
        if self.reader.peek(1)[:1] == _TLS_HANDSHAKE:
            # containerd tries HTTPS first and goes on to HTTP only if the reply starts with "HTTP/".
            raise BadRequest(400, "This is plain HTTP; the client spoke TLS.")
        self.raw_requestline, fields = read_head(self.reader)
        self.rfile = io.BytesIO(fields)
        if not self.parse_request():
            return None
        for name in ("Content-Length", "Host", "Transfer-Encoding"):
            if len(self.headers.get_all(name, ())) > 1:
                raise BadRequest(400, f"{name} is given twice.")
        target, host = self.path, self.headers.get("Host")
        if self.request_version != "HTTP/1.0" and host is None:  # RFC 9112, section 3.2
            raise BadRequest(400, "The request has no Host.")
        if self.request_version == "HTTP/1.0" and "Transfer-Encoding" in self.headers:  # RFC 9112, section 6.1
            raise BadRequest(400, "HTTP/1.0 has no transfer codings.")
        if target.startswith(("http://", "https://")):  # RFC 9112, section 3.2.2: this host counts
            host, slash, path = target.partition("//")[2].partition("/")
            target = slash + path
        if host is not None:
            check_host(host.strip(" \t"), self.server.names)
        if not target.startswith("/"):
            raise BadRequest(400, "The request's target is not a path.")
        return Request(self.command, target, self.headers, self.reader, self.wfile, self.server.limits)

    def _respond(self, request: Request) -> None:
        response = self._answer(request)
        # The unread rest of a refused body would look like the next request.
        self.close_connection |= self.server.stopping or not request.finished
        sent = 0
        try:
            self.server.log.count(request)
            if response.file is None:
                # Written before the response, so that a client with its response finds the request in the log.
                self.server.log.write(request, response.status, len(response.body))
            sent = self._send(response)
        finally:
            if response.file is not None:
                os.close(response.file)
                self.server.log.write(request, response.status, sent)
        if not request.finished:
            self._linger()

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD") and "Origin" in request.headers:
            # Registry clients send no Origin; a web page does.
            return text_response(403, "A web page may not use the local ECR.")
        try:
            return self.server.handler(request)
        except BadRequest as error:
            return text_response(error.status, error.message)
        except ClientGone:
            self.server.log.write(request, 499, 0)
            with contextlib.suppress(OSError):
                self._refuse_incomplete()
            raise
        except Exception as error:
            problem = storage_problem(error)
            if problem is not None:
                return text_response(*problem)
            sys.excepthook(*sys.exc_info())  # prints the traceback
            return text_response(500, "The local ECR failed; its own log has the traceback.")
        finally:
            request.release()

    def _send(self, response: Response) -> int:
        """Send a response; returns the number of body bytes sent. Raises ClientGone, OSError."""
        self.reader.allow(math.inf)
        self._is_sending = True
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers.items():
            self.send_header(name, " ".join(value.splitlines()))
        if response.status != 204:
            self.send_header("Content-Length", str(response.content_length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        sent = 0
        if self.command != "HEAD" and response.content_length:
            sent = self._send_body(response)
        self._is_sending = False
        return sent

    def _send_body(self, response: Response) -> int:
        if response.file is None:
            self.wfile.write(response.body)
            return len(response.body)
        sent = 0
        with open(response.file, "rb", buffering=0, closefd=False) as file:
            while sent < response.count:
                self.reader.allow(math.inf)
                size = min(_PIECE, response.count - sent)
                count = self.connection.sendfile(file, response.offset + sent, size)
                if count < size:
                    raise ClientGone  # the file is shorter than it was: the client must not wait for the rest
                sent += count
        return sent

    def _linger(self) -> None:
        """Wait while the client reads the response: closing with bytes unread would reset the connection."""
        self.reader.allow(math.inf)
        self._is_sending = True
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(1.0)
        deadline = time.monotonic() + LINGER_SECONDS
        memory = bytearray(65536)
        while time.monotonic() < deadline and self.connection.recv_into(memory):
            pass
