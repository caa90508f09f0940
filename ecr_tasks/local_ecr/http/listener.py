"""The listening socket, with a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time

from .connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .connection import Handler, Log

MAX_CONNECTIONS = 512
"""Other clients wait in the operating system's queue."""


class Listener(socketserver.ThreadingTCPServer):
    """Accepts connections from ``start`` to ``stop``.

    Binds at once, so that ``port`` is known. Raises OSError (EADDRINUSE, EACCES). Not ``http.server.HTTPServer``,
    which looks the host's name up when it binds.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512
    timeout = 5.0  # for handle_request: ``stop`` ends even if it cannot wake the thread
    _handler: Handler
    _log: Log

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), socketserver.BaseRequestHandler)  # a placeholder: see finish_request
        self.port: int = self.socket.getsockname()[1]
        self._stopping = False
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._free_connections = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._thread: threading.Thread | None = None

    def start(self, handler: Handler, log: Log) -> None:
        """Begin to accept, in a thread of its own; ``handler`` answers the requests."""
        self._handler, self._log = handler, log
        self._thread = threading.Thread(target=self._accept, name="local-ecr-accept", daemon=True)
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Accept no more, let requests under way finish for ``grace`` seconds, then close the other connections."""
        self._stopping = True
        if self._thread is not None:
            with contextlib.suppress(OSError):
                socket.create_connection(self.socket.getsockname()[:2], timeout=1.0).close()  # wakes the thread
            self._thread.join()
        self.server_close()
        deadline = time.monotonic() + grace
        while connections := self._open_connections():
            is_late = time.monotonic() >= deadline
            for connection in connections:
                connection.stopping = True
                if is_late or not connection.busy:
                    connection.interrupt()
            if time.monotonic() >= deadline + 1.0:
                break
            time.sleep(0.002)

    def _open_connections(self) -> list[Connection]:
        with self._lock:
            return list(self._connections)

    def _accept(self) -> None:
        while not self._stopping:
            self.handle_request()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; called by the base class."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.05)  # out of file descriptors: some will be closed
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a connection's thread when there is room for it; called by the base class."""
        while not self._free_connections.acquire(timeout=0.5):
            if self._stopping:
                self.shutdown_request(request)
                return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and close it, in its thread; called by the base class."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free_connections.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection; called by the base class."""
        connection = Connection(request, client_address, self._handler, self._log)
        connection.stopping = self._stopping
        with self._lock:
            self._connections.add(connection)
        try:
            connection.serve()
        finally:
            with self._lock:
                self._connections.discard(connection)
