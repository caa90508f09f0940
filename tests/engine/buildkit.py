"""An engine's BuildKit at an address of its own, as buildx's remote driver needs it, with or without TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

UPGRADE_REQUEST = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"
)
"""The request that turns a connection to an engine into one to its BuildKit (Docker Engine API, POST /grpc)."""


@contextmanager
def buildkit_address(engine: str, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Yield HOST:PORT of the BuildKit of an engine, whose socket's path is given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=_connect, args=(listener.accept()[0], engine, tls), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _connect(client: socket.socket, engine: str, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        if tls is not None:
            client = tls.wrap_socket(client, server_side=True)
        server = socket.socket(socket.AF_UNIX)
        server.connect(engine)
        server.sendall(UPGRADE_REQUEST)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += server.recv(1)
        threading.Thread(target=_forward, args=(client, server), daemon=True).start()
        threading.Thread(target=_forward, args=(server, client), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    """Send what one socket receives to another one, until it is closed."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
