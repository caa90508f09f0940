"""The engine's own HTTP API, for many small questions in a row.

Each start of docker takes as long as dozens of the engine's answers. An engine on this machine is asked at the
socket that docker would use. To any other, one `docker system dial-stdio`, by which docker itself reaches an engine
over ssh, connects whatever leads there: TLS, ssh, or a script in docker's place. What isn't answered so, docker's own
commands are asked for, and they say why it can't be had.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property, partial
from threading import Condition
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from ecr_tasks.clients.docker.command_line import CommandLine
from ecr_tasks.clients.parallel import begin
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.plan.other_client import DOCKER

if TYPE_CHECKING:
    from ecr_tasks.clients.docker.engine_connection import Answer, EngineConnection

T = TypeVar("T")

_BUSY_SECONDS = 0.1
"""How long a question waits for the one before it: about as long as another program takes."""

_IDLE_SECONDS = 60.0
"""How long a connection is good for the next question: a router forgets an idle one, and nobody says so."""


class EngineApi:
    """Connections to the engine that ``commands`` lead to, kept for the next question of any thread."""

    def __init__(self, commands: CommandLine) -> None:
        self._commands = commands
        self._changed = Condition()
        self._idle: list[EngineConnection] = []
        self._used = 0
        self._answers = commands.program == DOCKER and hasattr(socket, "AF_UNIX")

    @property
    def starts_programs(self) -> bool:
        """Whether each question that is asked at the same time as another may start a program."""
        return self._socket is None

    def ask(
        self, method: str, path: str, query: Mapping[str, str] = MappingProxyType({}), seconds: float | None = None
    ) -> Answer | None:
        """Return the engine's answer; None where it can't be asked so, of which it is not asked again.

        It may take ``seconds``, if that is given.
        """
        with self._failures(), self._connection() as connection:
            return connection.ask(method, _target(path, query), seconds or self._commands.seconds)
        return None

    def document(self, path: str, query: Mapping[str, str] = MappingProxyType({})) -> Any:
        """Return the document of what there is at a path; None where the engine gives none."""
        answer = self.ask("GET", path, query)
        return answer.document if answer is not None and answer.status == 200 else None

    def read(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], read: Callable[[Iterator[Any]], T]
    ) -> T | None:
        """Return what ``read`` returns, which gets the documents of the engine's answer to a POST as they come.

        None where the engine refuses the request or its answer breaks off.
        """
        target = _target(path, query)
        with (
            self._failures(),
            self._connection() as connection,
            connection.messages("POST", target, headers) as messages,
        ):
            return read(messages) if messages is not None else None
        return None

    @contextmanager
    def listening(self, filters: Mapping[str, Sequence[str]], hear: Callable[[Any], None]) -> Iterator[None]:
        """Let a thread hear of the engine's events while the block runs; of none where a program leads to the engine.

        ``hear`` gets each event's document, and nothing more after an error of its own.
        """
        from http.client import HTTPException

        from ecr_tasks.clients.docker.engine_connection import EngineConnection

        connection = None
        with suppress(OSError, HTTPException, ValueError, EcrTasksError):
            if self._socket is not None:
                connection = EngineConnection(self._socket, (), self._commands.environment())
        if connection is None:
            yield
            return
        with closing(connection):
            target = _target("/events", {"filters": json.dumps(filters)})
            heard = begin(partial(_hear, connection, target, hear))
            try:
                yield
            finally:
                connection.interrupt()
                heard()

    def close(self) -> None:
        """End the connections that nobody uses; the next question opens one."""
        with self._changed:
            ended, self._idle = self._idle, []
        for connection in ended:
            connection.close()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Leave the block where the engine can't be asked so, of which it is not asked again."""
        from http.client import HTTPException

        try:
            yield
        except (OSError, HTTPException, ValueError, EcrTasksError):
            self._answers = False

    @contextmanager
    def _connection(self) -> Iterator[EngineConnection]:
        """Give a connection: an idle one, also one that is idle in a moment, or a new one."""
        if not self._answers:
            raise ConnectionError("the engine was asked before")
        with self._changed:
            if self._used and self._socket is None:
                self._changed.wait_for(lambda: self._idle, _BUSY_SECONDS)
            connection = self._idle.pop() if self._idle else None
            self._used += 1
        try:
            if connection is not None and connection.idle_seconds > _IDLE_SECONDS:
                connection.close()
                connection = None
            connection = connection or self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            with self._changed:
                self._idle.append(connection)
        finally:
            with self._changed:
                self._used -= 1
                self._changed.notify()

    @cached_property
    def _socket(self) -> str | None:
        """The path of the engine's socket; None where a program connects to it, or nobody."""
        return self._commands.engine_socket() if self._answers else None

    def _connect(self) -> EngineConnection:
        from http.client import HTTPException

        from ecr_tasks.clients.docker.engine_connection import EngineConnection

        command = self._commands.docker("system", "dial-stdio")
        environment = self._commands.environment()
        if self._socket is not None:
            with suppress(OSError, HTTPException, ValueError):
                return EngineConnection(self._socket, command, environment)
            self._socket = None
        return EngineConnection(None, command, environment)


def _hear(connection: EngineConnection, target: str, hear: Callable[[Any], None]) -> None:
    from http.client import HTTPException

    with (
        suppress(OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
        connection.messages("GET", target, {}) as events,
    ):
        for event in events or ():
            hear(event)


def _target(path: str, query: Mapping[str, str]) -> str:
    from urllib.parse import quote, urlencode

    return quote(path, safe="/:@") + (f"?{urlencode(query)}" if query else "")
