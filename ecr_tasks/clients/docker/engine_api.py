"""The engine's own HTTP API, for many small questions in a row.

Each start of docker takes as long as dozens of the engine's answers. One `docker system dial-stdio`, by which docker
itself reaches an engine over ssh, connects to the engine that docker would use, whatever leads there: a context, TLS
or ssh. What isn't answered so, docker's own commands are asked for, and they say why it can't be had.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.docker.command_line import CommandLine
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.plan.other_client import DOCKER

if TYPE_CHECKING:
    from ecr_tasks.clients.docker.engine_connection import Answer, EngineConnection

_IDLE_SECONDS = 60.0
"""How long a connection is good for the next question: a router forgets an idle one, and nobody says so."""


class EngineApi:
    """Connections to the engine that ``commands`` lead to, one for each thread that asks at the same time."""

    def __init__(self, commands: CommandLine) -> None:
        self._commands = commands
        self._lock = Lock()
        self._idle: list[EngineConnection] = []
        self._answers = commands.program == DOCKER and hasattr(socket, "AF_UNIX")

    def ask(self, method: str, path: str, **query: str) -> Answer | None:
        """Return the engine's answer; None where it can't be asked so, of which it is not asked again."""
        if not self._answers:
            return None
        from http.client import HTTPException
        from urllib.parse import quote, urlencode

        target = quote(path, safe="/:@") + (f"?{urlencode(query)}" if query else "")
        with suppress(OSError, HTTPException, ValueError, EcrTasksError):
            connection = self._connection()
            try:
                answer = connection.ask(method, target)
            except BaseException:
                connection.close()
                raise
            with self._lock:
                self._idle.append(connection)
            return answer
        self._answers = False
        return None

    def document(self, path: str, **query: str) -> Any:
        """Return the document of what there is at a path; None where the engine gives none."""
        answer = self.ask("GET", path, **query)
        return answer.document if answer is not None and answer.status == 200 else None

    def close(self) -> None:
        """End the connections that nobody uses; the next question opens one."""
        with self._lock:
            ended, self._idle = self._idle, []
        for connection in ended:
            connection.close()

    def _connection(self) -> EngineConnection:
        from ecr_tasks.clients.docker.engine_connection import EngineConnection

        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None and connection.idle_seconds > _IDLE_SECONDS:
            connection.close()
            connection = None
        command = self._commands.docker("system", "dial-stdio")
        return connection or EngineConnection(command, self._commands.environment(), self._commands.seconds)
