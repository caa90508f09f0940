"""The listening socket, with a thread for each connection."""

from __future__ import annotations

import select
import socket
import threading
import time

from .connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .connection import Application

MAX_CONNECTIONS = 512
"""Further clients wait in the operating system's queue."""

_BACKLOG = 512


class Listener:
    """Accepts connections from ``start`` to ``stop``."""

    def __init__(self, host: str, port: int, fd: int | None = None) -> None:
        """Bind, so that ``port`` is known, or take a socket that listens. Raises OSError (EADDRINUSE, EACCES)."""
        if fd is not None:
            self._adopt(socket.socket(fileno=fd))
            return
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(_BACKLOG)
        except OSError:
            listening.close()
            raise
        self._adopt(listening)

    def _adopt(self, listening: socket.socket) -> None:
        self._socket = listening
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._wake, self._waker = socket.socketpair()
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._thread: threading.Thread | None = None

    def start(self, application: Application, waiting: list[tuple[int, bytes]] | None = None) -> None:
        """Begin to accept, in a thread of its own. ``waiting`` are clients already accepted and what they sent."""
        for fd, ahead in waiting or []:
            self._room.acquire()
            self._welcome(socket.socket(fileno=fd), application, ahead)
        self._thread = threading.Thread(
            target=self._accept, args=(application,), name="local-ecr-accept", daemon=True
        )
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Accept no more, let requests under way finish for ``grace`` seconds, then close what is left."""
        self._waker.send(b"x")
        if self._thread is not None:
            self._thread.join()
        self._socket.close()
        self._wake.close()
        self._waker.close()
        deadline = time.monotonic() + grace
        while connections := self._open():
            late = time.monotonic() >= deadline
            for connection in connections:
                connection.stopping = True
                if late or not connection.busy:
                    connection.interrupt()
            if time.monotonic() >= deadline + 1.0:
                break
            time.sleep(0.002)

    def _open(self) -> list[Connection]:
        with self._lock:
            return list(self._connections)

    def _accept(self, application: Application) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if self._wake.fileno() in ready:
                return
            try:
                sock, _ = self._socket.accept()
            except BlockingIOError:
                continue
            except OSError:
                time.sleep(0.05)  # out of file descriptors: some will be closed
                continue
            while not self._room.acquire(timeout=0.5):
                if self._wake.fileno() in {fd for fd, _ in poll.poll(0)}:
                    sock.close()
                    return
            self._welcome(sock, application)

    def _welcome(self, sock: socket.socket, application: Application, ahead: bytes = b"") -> None:
        sock.setblocking(True)
        connection = Connection(sock, application, ahead)
        with self._lock:
            self._connections.add(connection)
        threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            with self._lock:
                self._connections.discard(connection)
            self._room.release()
