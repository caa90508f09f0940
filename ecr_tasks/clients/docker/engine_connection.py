"""One connection to the engine's HTTP API: to its socket on this machine, or by a program's stdin and stdout."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from ecr_tasks.clients.docker.process import kill_session
from ecr_tasks.documents import parse_json
from ecr_tasks.frozen import dataclass
from ecr_tasks.signals import on_interruption

_GREETING_SECONDS = 10.0
"""How long an engine may take to its first word."""

_read_on: set[EngineConnection] = set()
"""The connections whose answers are read as they come, which may take hours."""


@dataclass(frozen=True)
class Answer:
    """The status of an engine's answer, and its document; None without one."""

    status: int
    document: Any

    @property
    def says_gone(self) -> bool:
        """Whether the engine knows no such image or container, rather than no such path."""
        return self.status == 404 and "no such" in str(self.document).lower()


class EngineConnection:
    """A connection to the engine at a ``path``, or else by `docker system dial-stdio`, whose words are ``command``.

    It speaks the engine's newest API, or that of DOCKER_API_VERSION, as docker does. Raises OSError, HTTPException
    or ValueError where there is no answer.
    """

    def __init__(self, path: str | None, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._program: subprocess.Popen[bytes] | None = None
        self._socket = _connect(path) if path else self._start(command, environment)
        self._http = HTTPConnection("docker")
        self._http.sock, self._http.auto_open = self._socket, 0
        try:
            self._version = ""
            self.ask("GET", "/_ping", _GREETING_SECONDS)
            if not self._version:
                raise HTTPException("no engine answers")
            self._version = environment.get("DOCKER_API_VERSION", "").removeprefix("v") or self._version
        except BaseException:
            self.close()
            raise

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> socket.socket:
        """Start the program and return our end of its stdin and stdout."""
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            self._program = subprocess.Popen(  # noqa: S603 - our own command line
                list(command),
                stdin=end,
                stdout=end,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,
            )
        return ours

    @property
    def idle_seconds(self) -> float:
        """How long ago the last answer came."""
        return time.monotonic() - self._answered_at

    def ask(self, method: str, target: str, seconds: float | None) -> Answer:
        """Return the engine's answer, which may take so many seconds."""
        self._socket.settimeout(seconds)
        self._http.request(method, f"/v{self._version}{target}" if self._version else target)
        response = self._http.getresponse()
        content = response.read()
        self._version = self._version or response.headers.get("Api-Version", "")
        self._answered_at = time.monotonic()
        is_json = content and response.headers.get_content_type() == "application/json"
        return Answer(response.status, parse_json(content) if is_json else None)

    @contextmanager
    def messages(self, method: str, target: str, headers: Mapping[str, str]) -> Iterator[Iterator[Any] | None]:
        """Give the documents of the engine's answer as they come; None where it refuses the request.

        All of them must be read, which raises IncompleteRead where the answer breaks off. An interruption of the run
        ends the connection.
        """
        self._socket.settimeout(None)
        _read_on.add(self)
        try:
            self._http.request(method, f"/v{self._version}{target}", headers=dict(headers))
            response = self._http.getresponse()
            yield map(parse_json, _lines(response)) if response.status == 200 else None
            response.read()
            self._answered_at = time.monotonic()
        finally:
            _read_on.discard(self)

    def interrupt(self) -> None:
        """End the connection under the thread that reads from it; the engine stops what it does for it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection and end the program, which waits for nothing but that, and what it has started."""
        self._http.close()
        if self._program is not None:
            kill_session(self._program)
            self._program.wait()


def _lines(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the lines of an answer in chunks; its own ``readline`` takes a connection that breaks for the end."""
    if not response.chunked:
        raise HTTPException("an answer without an end of its own")
    pending = b""
    while text := response.read1(65536):
        *lines, pending = (pending + text).split(b"\n")
        yield from lines
    if pending.strip():
        yield pending


def _connect(path: str) -> socket.socket:
    """Connect to a socket of this machine."""
    found = socket.socket(socket.AF_UNIX)
    try:
        found.settimeout(_GREETING_SECONDS)
        found.connect(path)
    except BaseException:
        found.close()
        raise
    return found


def _interrupt_all() -> None:
    for connection in list(_read_on):
        connection.interrupt()


on_interruption.append(_interrupt_all)
