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
    from collections.abc import Iterator
    from typing import Any, Protocol

    from .messages import Request, Response

    class Application(Protocol):
        """What answers requests, and is handed every answer to count and to log."""

        def handle(self, request: Request) -> Response: ...

        def count(self, request: Request, response: Response) -> None: ...

        def log(self, request: Request, status: int, sent: int) -> None: ...


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
    application: Application

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Connection)
        self.port: int = self.socket.getsockname()[1]
        self.stopping = False
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._thread: threading.Thread | None = None

    def start(self, application: Application) -> None:
        """Begin to accept, in a thread of its own."""
        self.application = application
        self._thread = threading.Thread(target=self._accept, name="local-ecr-accept", daemon=True)
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Accept no more, let requests under way finish for ``grace`` seconds, then close what is left."""
        self.stopping = True
        if self._thread is not None:
            with contextlib.suppress(OSError):
                socket.create_connection(self.socket.getsockname()[:2], timeout=1.0).close()  # wakes the thread
            self._thread.join()
        self.server_close()
        deadline = time.monotonic() + grace
        while connections := self._open():
            late = time.monotonic() >= deadline
            for connection in connections:
                if late or not connection.busy:
                    connection.interrupt()
            if time.monotonic() >= deadline + 1.0:
                break
            time.sleep(0.002)

    @contextlib.contextmanager
    def tracked(self, connection: Connection) -> Iterator[None]:
        """Know a connection while it is served, so that ``stop`` can end it."""
        with self._lock:
            self._connections.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _open(self) -> list[Connection]:
        with self._lock:
            return list(self._connections)

    def _accept(self) -> None:
        while not self.stopping:
            self.handle_request()

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.05)  # out of file descriptors: some will be closed
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        while not self._room.acquire(timeout=0.5):
            if self.stopping:
                self.shutdown_request(request)
                return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()
