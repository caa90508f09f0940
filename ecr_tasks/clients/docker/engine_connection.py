"""One connection to the engine's HTTP API, by a program's stdin and stdout."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.frozen import dataclass

_GREETING_SECONDS = 10.0
"""How long an engine may take to its first word."""


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
    """A connection by `docker system dial-stdio`, whose words are the ``command``.

    It speaks the engine's newest API, or that of DOCKER_API_VERSION, as docker does. Raises OSError, HTTPException
    or ValueError where there is no answer.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        self._http = HTTPConnection("docker")
        self._http.sock, self._http.auto_open = self._socket, 0
        with theirs:
            end = theirs.fileno()
            self._program = subprocess.Popen(  # noqa: S603 - our own command line
                list(command), stdin=end, stdout=end, stderr=subprocess.DEVNULL, env=dict(environment)
            )
        try:
            self._version = ""
            self.ask("GET", "/_ping", _GREETING_SECONDS)
            if not self._version:
                raise HTTPException("no engine answers")
            self._version = environment.get("DOCKER_API_VERSION", "").removeprefix("v") or self._version
        except BaseException:
            self.close()
            raise

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

    def close(self) -> None:
        """Close the connection and end the program, which waits for nothing but that."""
        self._http.close()
        self._program.kill()
        self._program.wait()
