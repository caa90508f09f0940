"""Requests, whose bodies are streams, and responses."""

from __future__ import annotations

import io
import json
import math
import os
import re
import time
from urllib.parse import parse_qs, unquote

from ..numbers import MAX_NUMBER, parse_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message
    from typing import Any, Protocol

    class Memory(Protocol):
        """Where large bodies are kept (``limits.Limits``)."""

        def create_file(self) -> int: ...
        def borrow(self, size: int) -> None: ...
        def give_back(self, size: int) -> None: ...


BODY_WAIT = 30.0
"""Seconds in which at least BODY_PROGRESS bytes of a body must arrive (or its end)."""

BODY_PROGRESS = 4096

_SMALL_BODY = 65536
"""The largest number of bytes of a body that are kept in memory while more arrive."""

# RFC 9112, section 7.1; 15 digits are more than any blob has.
_CHUNK_HEADER = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[\t -~\x80-\xff]*)?\r\n")
_CHUNK_HEADER_LIMIT = 4096
_TRAILERS_LIMIT = 8192


class BadRequest(Exception):
    """A request that cannot be understood; the response has ``status``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ClientGone(Exception):
    """The client closed the connection, or stopped sending or taking bytes."""


class Reader(io.BufferedReader):
    """The bytes that a client sends. The listener ends the stream when ``deadline`` (monotonic) has passed.

    ``since`` is when the wait for the client began; infinite while there is none.
    """

    deadline = since = math.inf

    def allow(self, seconds: float) -> None:
        """Begin to wait for the client, until this many seconds from now."""
        self.since = time.monotonic()
        self.deadline = self.since + seconds

    def rest(self) -> None:
        """End the wait for the client."""
        self.deadline = self.since = math.inf

    def readline(self, size: int | None = -1) -> bytes:
        """Read a line, or ``size`` bytes of it. Raises ClientGone if the client closes in the middle."""
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise ClientGone
        return line


class Request:
    """One request. ``headers`` are the standard library's, whose names are case-insensitive.

    The body has ``length`` bytes; None if it is chunked. The client's ``Expect: 100-continue`` is answered when the
    body is first read, so that a refused body is not sent. ``operation``, ``kind`` and ``registry``
    (``account/region``) are for the access log, which gets no request that is not ``is_logged``. ``principal`` is the
    ARN of who got its token. Raises BadRequest for contradictory headers.
    """

    def __init__(
        self,
        method: str,
        target: str,
        headers: Message,
        reader: Reader,
        writer: io.BufferedIOBase,
        memory: Memory,
    ) -> None:
        path, _, query = target.partition("?")
        self.method = method
        self.path = unquote(path)
        self.query = parse_qs(query, keep_blank_values=True)
        self.headers = headers
        self.received = 0
        self.operation: str | None = None
        self.kind: str | None = None
        self.registry: str | None = None
        self.is_logged = True
        self.principal = ""
        self.started = time.perf_counter()
        coding, length = headers.get("Transfer-Encoding"), headers.get("Content-Length")
        # RFC 9112, section 6.3: with both, or with another coding, the body's end is where somebody else sees it.
        if coding is not None and (coding.strip(" \t").lower() != "chunked" or length is not None):
            raise BadRequest(400, "Only the chunked transfer coding is understood, without Content-Length.")
        number = 0 if length is None else parse_number(length.strip(" \t"))
        if number is None or number == MAX_NUMBER:
            raise BadRequest(400, "Content-Length is not a number.")
        self.length = None if coding is not None else number
        self.finished = self.length == 0
        self._left = self.length or 0  # bytes left of the body or of a chunk
        self._expects_continue = headers.get("Expect", "").lower() == "100-continue"
        self._progress = 0  # the deadline is renewed when ``received`` reaches this
        self._reader = reader
        self._writer = writer
        self._memory = memory
        self._borrowed = 0

    def parameter(self, name: str) -> str | None:
        """Return a query parameter's first value."""
        return self.query.get(name, [None])[0]

    def readinto(self, buffer: memoryview) -> int:
        """Read the next piece of the body into ``buffer``; returns its size, 0 at the end.

        Raises BadRequest, ClientGone.
        """
        if self.finished:
            return 0
        if self.received >= self._progress:
            self._progress = self.received + BODY_PROGRESS
            self._reader.allow(BODY_WAIT)
        try:
            if self._expects_continue:
                self._expects_continue = False
                self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not self._left and not self._next_chunk():
                return 0
            count = self._reader.readinto1(buffer[: self._left])
            if not count:
                raise ClientGone
            self._left -= count
            self.received += count
            if not self._left:
                self.finished = self.length is not None
                if not self.finished and self._reader.readline(2) != b"\r\n":
                    raise BadRequest(400, "A chunk is longer than it says.")
        except OSError:  # a reset
            raise ClientGone from None
        if self.received >= self._progress or self.finished:
            self._reader.rest()
        return count

    def read(self, limit: int) -> bytes:
        """Read the body to its end. Raises BadRequest (413) if it has more than ``limit`` bytes.

        A large body is kept in a file until all of it has arrived, and counts as memory in use until ``release``.
        """
        body = bytearray()
        piece = memoryview(bytearray(min(self.length or _SMALL_BODY, _SMALL_BODY)))
        file = -1
        try:
            while max(self.received, self.length or 0) <= limit:
                count = self.readinto(piece)
                if not count:
                    return bytes(body) if file < 0 else self._read_file(file)
                if file < 0 and len(body) + count > _SMALL_BODY:
                    file = self._memory.create_file()
                    _write(file, memoryview(bytes(body)))
                if file < 0:
                    body += piece[:count]
                else:
                    _write(file, piece[:count])
        finally:
            if file >= 0:
                os.close(file)
        raise BadRequest(413, f"The request's body has more than {limit} bytes.")

    def release(self) -> None:
        """Return the memory of the body, when the response is known."""
        size, self._borrowed = self._borrowed, 0
        self._memory.give_back(size)

    def _read_file(self, file: int) -> bytes:
        self._memory.borrow(self.received)
        self._borrowed = self.received
        os.lseek(file, 0, os.SEEK_SET)
        with open(file, "rb", buffering=0, closefd=False) as stream:
            return stream.read()

    def _next_chunk(self) -> bool:
        """Read a chunk's header, or the trailers after the last chunk; returns whether a chunk follows."""
        header = _CHUNK_HEADER.fullmatch(self._reader.readline(_CHUNK_HEADER_LIMIT))
        if header is None:
            raise BadRequest(400, "A chunk's length is not a number.")
        self._left = int(header[1], 16)
        if not self._left:
            size = 0
            while (line := self._reader.readline(_TRAILERS_LIMIT)) not in (b"\r\n", b"\n"):  # trailers are not used
                size += len(line)
                if size >= _TRAILERS_LIMIT:
                    raise BadRequest(400, "Too many trailers.")
            self.finished = True
            self._reader.rest()
        return not self.finished


def _write(file: int, data: memoryview) -> None:
    while data:  # the operating system may take less at a time
        data = data[os.write(file, data) :]


class Response:
    """A response: ``body``, or ``count`` bytes of an open file, which is closed afterwards.

    ``length`` is the Content-Length of a response whose body is not sent (HEAD).
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
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.file = file
        self.offset = offset
        self.count = count
        self.content_length = length if length is not None else count or len(body)


def json_response(
    status: int, document: Any, headers: dict[str, str] | None = None, content_type: str = "application/json"
) -> Response:
    """Return a response with a JSON document."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": content_type, **(headers or {})})


def text_response(status: int, message: str) -> Response:
    """Return a response with a plain text."""
    return Response(status, message.encode(), {"Content-Type": "text/plain; charset=utf-8"})
