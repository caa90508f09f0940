"""Requests and responses, without the sockets they travel on."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl, unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class BodyReader(Protocol):
        """A request's body, to be read once. Raises BadRequest, ClientGone."""

        @property
        def length(self) -> int | None: ...

        def readinto(self, buffer: memoryview) -> int: ...


REASONS = {
    100: "Continue",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    416: "Range Not Satisfiable",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
    507: "Insufficient Storage",
}


class BadRequest(Exception):
    """The client does not speak HTTP as we understand it; the connection is closed after ``status``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ClientGone(Exception):
    """The client closed the connection, or stopped sending or taking bytes."""


class Request:
    """One request. ``headers`` has lower-case names.

    ``operation``, ``kind`` and ``registry`` (``account/region``) are for the access log.
    """

    def __init__(
        self, method: str, target: str, headers: dict[str, str], body: BodyReader, *, keep_alive: bool
    ) -> None:
        raw_path, _, query = target.partition("?")
        self.method = method
        self.path = unquote(raw_path)
        self.query: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            self.query.setdefault(name, []).append(value)
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive
        self.received = 0
        self.operation: str | None = None
        self.kind: str | None = None
        self.registry: str | None = None
        self.started = time.perf_counter()

    def parameter(self, name: str) -> str | None:
        """A query parameter's first value."""
        values = self.query.get(name)
        return values[0] if values else None

    def readinto(self, buffer: memoryview) -> int:
        """The next piece of the body; 0 at its end."""
        count = self.body.readinto(buffer)
        self.received += count
        return count

    def read(self, limit: int) -> bytes:
        """The whole body. Raises BadRequest (413) if it has more than ``limit`` bytes."""
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
    """What is sent back: ``body``, or ``count`` bytes of an open file, which is closed afterwards.

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

    def head(self, *, close: bool) -> bytes:
        """Status line and headers."""
        length = self.count if self.file is not None else len(self.body)
        if self.length is not None:
            length = self.length
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {_clean(value)}" for name, value in self.headers.items()]
        if self.status != 204:
            lines.append(f"Content-Length: {length}")
        if close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def json_response(
    status: int,
    document: Any,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> Response:
    """A response with a JSON document."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": content_type, **(headers or {})})


def _clean(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
