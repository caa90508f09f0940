"""Requests and responses, independent of their sockets."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl, unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message
    from typing import Any, Protocol

    class BodyReader(Protocol):
        """A request's body, to be read once. Raises BadRequest, ClientGone."""

        @property
        def length(self) -> int | None: ...

        def readinto(self, buffer: memoryview) -> int: ...


class BadRequest(Exception):
    """A request that cannot be understood; the connection is closed after a response with ``status``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ClientGone(Exception):
    """The client closed the connection, or stopped sending or taking bytes."""


class Request:
    """One request. ``headers`` are the standard library's, whose names are case-insensitive.

    ``operation``, ``kind`` and ``registry`` (``account/region``) are for the access log.
    """

    def __init__(self, method: str, target: str, headers: Message, body: BodyReader) -> None:
        raw_path, _, query = target.partition("?")
        self.method = method
        self.path = unquote(raw_path)
        self.query: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            self.query.setdefault(name, []).append(value)
        self.headers = headers
        self.body = body
        self.received = 0
        self.operation: str | None = None
        self.kind: str | None = None
        self.registry: str | None = None
        self.started = time.perf_counter()

    def parameter(self, name: str) -> str | None:
        """Return a query parameter's first value."""
        values = self.query.get(name)
        return values[0] if values else None

    def readinto(self, buffer: memoryview) -> int:
        """Read the next piece of the body into ``buffer``; returns its size, 0 at the end."""
        count = self.body.readinto(buffer)
        self.received += count
        return count

    def read(self, limit: int) -> bytes:
        """Read the body to its end. Raises BadRequest (413) if it has more than ``limit`` bytes."""
        length = self.body.length
        if length is not None and length > limit:
            raise BadRequest(413, f"The request's body has {length} bytes; at most {limit} are allowed.")
        pieces = bytearray()
        memory = bytearray(min(65536 if length is None else max(length, 1), limit + 1))
        while count := self.readinto(memoryview(memory)):
            pieces += memory[:count]
            if len(pieces) > limit:
                raise BadRequest(413, f"The request's body has more than {limit} bytes.")
        return bytes(pieces)


class Response:
    """A response: ``body``, or ``count`` bytes of an open file, which is closed afterwards.

    ``length`` is the Content-Length to announce where nothing is sent (HEAD).
    """

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        length: int | None = None,
        file: int | None = None,
        offset: int = 0,
        count: int = 0,
        close: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.length = length
        self.file = file
        self.offset = offset
        self.count = count
        self.close = close

    @property
    def content_length(self) -> int:
        """Return the Content-Length."""
        if self.length is not None:
            return self.length
        return self.count if self.file is not None else len(self.body)


def json_response(
    status: int,
    document: Any,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> Response:
    """Return a response with a JSON document."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": content_type, **(headers or {})})


def text_response(status: int, message: str, *, close: bool = False) -> Response:
    """Return a response with a plain text."""
    return Response(status, message.encode(), {"Content-Type": "text/plain; charset=utf-8"}, close=close)
