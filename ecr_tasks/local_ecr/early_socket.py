"""The door: open before the rest of the server is loaded, it answers the one request that needs nothing.

The first thing every client of a registry asks is ``GET /v2/`` without credentials, to be told how to log in. Most
of a start is importing modules, so the port is opened first, by this module, which imports none that is not part
of the interpreter itself. What else arrives meanwhile waits and is handed on, with the port, when all is loaded.
"""

from __future__ import annotations

import _socket
import _thread
import os
import select
import sys

_READ = 16384
_SWITCH_SECONDS = 0.0005
"""How long importing may keep the interpreter from the door."""


class Door:
    """A listening socket with a thread. ``port`` is the one that is bound; raises OSError as ``bind`` does."""

    def __init__(self, host: str, port: int) -> None:
        family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
        self._socket = _socket.socket(family, _socket.SOCK_STREAM)
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._socket.listen(512)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.answered = 0
        self._clients: dict[int, _socket.socket] = {}
        self._waiting: list[tuple[int, bytes]] = []
        self._wake, self._waker = os.pipe()
        self._done = _thread.allocate_lock()

    def open(self, endpoint: str) -> None:
        """Begin to answer, as the registry at ``endpoint``."""
        body = b'{"errors":[{"code":"UNAUTHORIZED","message":"Not Authorized"}]}'
        self._challenge = (
            "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
            "Docker-Distribution-Api-Version: registry/2.0\r\n"
            f'WWW-Authenticate: Basic realm="{endpoint}/",service="ecr.amazonaws.com"\r\n'
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode() + body
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._done.acquire()
        _thread.start_new_thread(self._serve, ())

    def hand_over(self) -> tuple[int, list[tuple[int, bytes]]]:
        """Close the door: the listening socket's descriptor, and those of clients with what they have sent."""
        os.write(self._waker, b"x")
        self._done.acquire()
        sys.setswitchinterval(self._interval)
        os.close(self._wake)
        os.close(self._waker)
        return self._socket.detach(), self._waiting

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        try:
            while True:
                for fd, _ in poll.poll():
                    if fd == self._wake:
                        return
                    if fd in self._clients:
                        poll.unregister(fd)
                        self._answer(self._clients.pop(fd))
                    else:
                        client, _ = self._socket._accept()  # type: ignore[attr-defined]
                        self._clients[client] = _socket.socket(fileno=client)
                        poll.register(client, select.POLLIN)
        except OSError:
            pass  # the rest of the server will meet it again, and say so
        finally:
            self._waiting += [(client.detach(), b"") for client in self._clients.values()]
            self._done.release()

    def _answer(self, client: _socket.socket) -> None:
        try:
            text = client.recv(_READ)
            asks = text.startswith((b"GET /v2/ ", b"GET /v2 ")) and text.endswith(b"\r\n\r\n")
            if asks and text.count(b"\r\n\r\n") == 1 and b"\r\nauthorization:" not in text.lower():
                client.send(self._challenge)
                client.close()
                self.answered += 1
                return
        except OSError:
            text = b""
        self._waiting.append((client.detach(), text))
