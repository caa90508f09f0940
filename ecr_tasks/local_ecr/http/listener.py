"""The listening socket, and the connections that it accepts, each served in a thread of its own."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

from .messages import BadRequest, ClientGone, Reader, Request, Response, text_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    Handler = Callable[[Request], Response]

    class Log(Protocol):
        """Where every request is counted and written."""

        def count(self, request: Request) -> None: ...
        def write(self, request: Request, status: int, sent: int) -> None: ...


MAX_CONNECTIONS = 512
"""The largest number of connections; other clients wait in the operating system's queue."""

HEAD_WAIT = 10.0
"""Seconds from the start of a connection, or from a later request's first byte, to the end of its headers."""

LINGER_SECONDS = 5.0
"""Seconds for which a refused client may go on sending: if the connection closes earlier, it loses the response."""

_TLS_HANDSHAKE = b"\x16"
_LINE_LIMIT = 65536
_READ_AHEAD = 16384


class Connection(BaseHTTPRequestHandler):
    """A client's connection. The base class reads its requests and calls the public methods.

    ``busy`` is true from a request's first byte to the end of its response.
    """

    protocol_version = "HTTP/1.1"
    request_version = default_request_version = "HTTP/1.0"
    disable_nagle_algorithm = True
    timeout = 75.0
    """Seconds that a connection may be silent between requests, and that a client may take no byte of a response."""

    server: Listener
    rfile: Reader
    busy = False

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = Reader(self.connection.makefile("rb", 0), _READ_AHEAD)
        self.rfile.allow(HEAD_WAIT)
        self.server.connections.add(self)

    def finish(self) -> None:
        self.server.connections.discard(self)
        super().finish()

    def handle(self) -> None:
        """Answer requests until the client or the listener ends it. Raises ClientGone, OSError."""
        self.close_connection = False
        while not self.close_connection and not self.server.stopping and self.rfile.peek(1):
            self.busy = True
            self.handle_one_request()
            self.busy = False
            self.rfile.deadline = math.inf

    def handle_one_request(self) -> None:
        """Read one request and answer it. Raises ClientGone, OSError."""
        self.rfile.allow(HEAD_WAIT)
        try:
            request = self._read_head()
        except ClientGone:
            if time.monotonic() < self.rfile.deadline:
                raise
            self.send_error(408, "The request's headers did not arrive in time.")
        except BadRequest as error:
            self.send_error(error.status, error.message)
        else:
            if request is not None:
                self._respond(request)

    def handle_expect_100(self) -> bool:
        return True  # ``Request`` answers ``Expect: 100-continue`` when its body is read

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no valid request, and close."""
        self.close_connection = True
        self._send(text_response(code, message or "This is not an HTTP request."))
        self._linger()

    def interrupt(self, how: int = socket.SHUT_RDWR) -> None:
        """Shut the socket down, so that the thread that waits for it wakes up; called by another thread."""
        with contextlib.suppress(OSError):  # it is closed already
            self.connection.shutdown(how)

    def _read_head(self) -> Request | None:
        """Return the next request; None if the base class has refused it. Raises BadRequest, ClientGone, OSError."""
        self.command = ""
        if self.rfile.peek(1)[:1] == _TLS_HANDSHAKE:
            # containerd tries HTTPS first and goes on to HTTP only if the reply starts with "HTTP/".
            raise BadRequest(400, "This is plain HTTP; the client spoke TLS.")
        self.raw_requestline = b""
        while not self.raw_requestline.strip():  # RFC 9112 2.2: an empty line before a request is ignored
            self.raw_requestline = self.rfile.readline(_LINE_LIMIT)
        if not self.parse_request():
            return None
        if len(self.requestline.split()) != 3 or self.headers.defects:  # two words are HTTP/0.9
            raise BadRequest(400, "This is not an HTTP request, or a header is malformed.")
        for name in ("Content-Length", "Host", "Transfer-Encoding"):
            if len(self.headers.get_all(name, ())) > 1:
                raise BadRequest(400, f"{name} is given twice.")
        target = self.path
        if target.startswith(("http://", "https://")):
            target = "/" + target.partition("//")[2].partition("/")[2]
        if not target.startswith("/"):
            raise BadRequest(400, "The request's target is not a path.")
        return Request(self.command, target, self.headers, self.rfile, self.wfile)

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
            raise
        except Exception:
            sys.excepthook(*sys.exc_info())  # prints the traceback
            return text_response(500, "The local ECR failed; its own log has the traceback.")

    def _send(self, response: Response) -> int:
        """Send a response; returns the number of body bytes sent. Raises ClientGone, OSError."""
        self.rfile.deadline = math.inf
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, " ".join(value.splitlines()))
        if response.status != 204:
            self.send_header("Content-Length", str(response.content_length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD" or not response.content_length:
            return 0
        if response.file is None:
            self.wfile.write(response.body)
            return len(response.body)
        with open(response.file, "rb", buffering=0, closefd=False) as file:
            sent: int = self.connection.sendfile(file, response.offset, response.count)
        if sent < response.count:
            raise ClientGone  # the file is shorter than it was: the client must not wait for the rest
        return sent

    def _linger(self) -> None:
        """Wait while the client reads the response: closing with bytes unread would reset the connection."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(1.0)
        deadline = time.monotonic() + LINGER_SECONDS
        memory = bytearray(65536)
        while time.monotonic() < deadline and self.connection.recv_into(memory):
            pass


class Listener(socketserver.ThreadingTCPServer):
    """Accept connections from ``start`` to ``stop``.

    The constructor binds, so that ``port`` is known; it raises OSError (EADDRINUSE, EACCES). The base class is not
    ``http.server.HTTPServer``, which looks up the host name. The base class calls the other public methods.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512
    timeout = 0.5
    """Seconds between two checks of the connections' deadlines while no client connects."""

    handler: Handler
    log: Log

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Connection)
        self.port: int = self.socket.getsockname()[1]
        self.stopping = False
        self.connections: set[Connection] = set()
        self._thread: threading.Thread | None = None

    def start(self, handler: Handler, log: Log) -> None:
        """Begin to accept, in a thread of its own; ``handler`` answers the requests."""
        self.handler, self.log = handler, log
        self._thread = threading.Thread(target=self._accept, name="local-ecr-accept", daemon=True)
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Accept no more, let requests under way finish for ``grace`` seconds, then close the other connections."""
        self.stopping = True
        if self._thread is not None:
            with contextlib.suppress(OSError):
                socket.create_connection(self.socket.getsockname()[:2], timeout=1.0).close()  # wakes the thread
            self._thread.join()
        self.server_close()
        deadline = time.monotonic() + grace
        while self.connections and time.monotonic() < deadline + 1.0:
            is_late = time.monotonic() >= deadline
            for connection in list(self.connections):
                if is_late or not connection.busy:
                    connection.interrupt()
            time.sleep(0.002)

    def _accept(self) -> None:
        while not self.stopping:
            self.handle_request()
            self._end_overdue()

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            if now >= connection.rfile.deadline:
                connection.interrupt(socket.SHUT_RD)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.05)  # out of file descriptors: some will be closed
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a connection's thread when there is room for it."""
        while len(self.connections) >= MAX_CONNECTIONS and not self.stopping:
            self._end_overdue()
            time.sleep(0.05)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (ClientGone, OSError)):  # the client is gone
            super().handle_error(request, client_address)
