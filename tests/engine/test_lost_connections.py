"""Tests of a network that breaks connections in the middle of a layer.

The engine with containerd's store leaves another attempt to us; the classic store makes its own, with half a minute's
waits.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import project

MEGABYTE = 1 << 20
Break = Literal["close", "reset", "stall"]
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER's value with which a closed socket sends RST."""


@dataclass
class Relay:
    """Passes bytes to a port and back. A connection that has sent a megabyte meets the next one of ``breaks``."""

    upstream: int = 0
    breaks: list[Break] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def address(self) -> str:
        """The host and port of the relay, for the local ECR to advertise."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with ExitStack() as sockets, suppress(OSError):
            sockets.enter_context(client)
            server = sockets.enter_context(socket.create_connection(("127.0.0.1", self.upstream)))
            threading.Thread(target=_pass, args=(server, client), daemon=True).start()
            sent = 0
            while data := client.recv(1 << 16):
                server.sendall(data)
                sent += len(data)
                if sent > MEGABYTE and self.breaks:
                    sent, kind = 0, self.breaks.pop(0)
                    if kind == "stall":
                        time.sleep(2)
                        continue
                    if kind == "reset":
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    else:
                        client.shutdown(socket.SHUT_RDWR)
                    return
            server.shutdown(socket.SHUT_WR)


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_a_push_outlasts_connections_that_break_in_the_middle_of_a_layer(
    engine: dict[str, str], tmp_path: Path
) -> None:
    with Relay() as relay, LocalEcr(tmp_path / "ecr", advertise=relay.address) as ecr:
        relay.upstream = ecr.port
        environ = {**engine, **ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
        app = project(tmp_path / "app", environ, "FROM scratch\nCOPY layer /\nCOPY hello.txt /\n")
        (app.folder / "layer").write_bytes(os.urandom(4 * MEGABYTE))
        app.commit()
        app.ok("build")
        relay.breaks = ["close", "stall", "reset"]
        result = app.ok("push")
        assert relay.breaks == []
        assert result.stderr.count("the connection was lost") == 2
        assert app.receipt["images"][0]["published"][0]["state"] == "pushed"
