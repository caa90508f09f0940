"""The listening socket, and the connections that it accepts, each served in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
import time

from .connection import Connection
from .limits import Limits
from .messages import ClientGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from .connection import Log
    from .messages import Request, Response

    Handler = Callable[[Request], Response]


class Listener(socketserver.ThreadingTCPServer):
    """Accept connections from ``start`` to ``stop``.

    The constructor binds, so that ``port`` is known; it raises OSError (EADDRINUSE, EACCES). ``limits`` are shared
    with other ports; ``names`` are host names, beside the host itself, for which requests are answered. The base
    class is not ``http.server.HTTPServer``, which looks up the host name; it calls the other public methods.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512
    timeout = 0.5
    """Seconds between two checks of the connections' deadlines while no client connects."""

    handler: Handler
    log: Log

    def __init__(self, host: str, port: int, limits: Limits | None = None, names: Collection[str] = ()) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Connection)
        self.port: int = self.socket.getsockname()[1]
        self.limits = limits or Limits()
        self.names = frozenset({host.lower(), *names})
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
                if is_late or connection.is_idle:
                    connection.interrupt()
            time.sleep(0.002)

    def _accept(self) -> None:
        while not self.stopping:
            self.handle_request()
            self._end_overdue()

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            if now >= connection.reader.deadline:
                connection.interrupt(socket.SHUT_RD)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.05)  # out of file descriptors: some will be closed
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a connection's thread when there is room for it."""
        self.limits.enter(lambda: self.stopping)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, at its thread's end or if none could be started."""
        super().shutdown_request(request)
        self.limits.leave()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (ClientGone, OSError)):  # the client is gone
            super().handle_error(request, client_address)
