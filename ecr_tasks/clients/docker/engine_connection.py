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

_END_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """The status of an engine's answer, and its document; None without one."""

    status: int
    document: Any


class EngineConnection:
    """A connection by `docker system dial-stdio`, whose words are the ``command``.

    An answer may take ``seconds``, if that is given. Raises OSError, HTTPException or ValueError where there is none.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], seconds: float | None) -> None:
        ours, theirs = socket.socketpair()
        self._http = HTTPConnection("docker")
        self._http.sock, self._http.auto_open = ours, 0
        with theirs:
            end = theirs.fileno()
            self._program = subprocess.Popen(  # noqa: S603 - our own command line
                list(command), stdin=end, stdout=end, stderr=subprocess.DEVNULL, env=dict(environment)
            )
        try:
            ours.settimeout(_GREETING_SECONDS)
            if self.ask("GET", "/_ping").status != 200:
                raise HTTPException("no engine answers")
            ours.settimeout(seconds)
        except BaseException:
            self.close()
            raise

    @property
    def idle_seconds(self) -> float:
        """How long ago the last answer came."""
        return time.monotonic() - self._answered_at

    def ask(self, method: str, target: str) -> Answer:
        """Return the engine's answer."""
        self._http.request(method, target)
        response = self._http.getresponse()
        content = response.read()
        self._answered_at = time.monotonic()
        is_json = content and response.headers.get_content_type() == "application/json"
        return Answer(response.status, parse_json(content) if is_json else None)

    def close(self) -> None:
        """Close the connection, which ends the program."""
        self._http.close()
        try:
            self._program.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
