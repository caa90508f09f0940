"""Reading from a socket: heads of requests and their bodies, with an end to every wait."""

from __future__ import annotations

import socket
import struct
import sys
import time

from .messages import BadRequest, ClientGone

HEAD_LIMIT = 65536
_CHUNK_LINE_LIMIT = 4096
_READ_AHEAD = 16384

FIRST_WAIT = 10.0
"""Seconds in which a new connection must send its first byte."""

HEAD_WAIT = 10.0
"""Seconds from a request's first byte to the end of its headers."""

IDLE_WAIT = 75.0
"""Seconds that a kept-alive connection may be silent between requests."""

BODY_WAIT = 30.0
"""Seconds in which at least BODY_PROGRESS bytes of a body must arrive (or its end)."""

BODY_PROGRESS = 4096

SEND_WAIT = 60.0
"""Seconds that a client may take no byte of a response."""


def set_wait(sock: socket.socket, option: int, seconds: float) -> None:
    """Bound how long the operating system blocks in a read (SO_RCVTIMEO) or write (SO_SNDTIMEO).

    Unlike ``settimeout`` this leaves the socket blocking, so that one call can fill a large buffer.
    """
    whole = int(seconds)
    sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", whole, int((seconds - whole) * 1e6)))


class Input:
    """A socket with a read-ahead buffer, in which there may be something already."""

    def __init__(self, sock: socket.socket, ahead: bytes = b"") -> None:
        self._sock = sock
        self._ahead = bytearray(ahead)

    def wait(self, seconds: float) -> bool:
        """Wait for the first byte of a request; False if there is none in time, or the client closed."""
        if self._ahead:
            return True
        set_wait(self._sock, socket.SO_RCVTIMEO, seconds)
        try:
            return self._fill()
        except (BlockingIOError, TimeoutError):
            return False

    def first_byte(self) -> int:
        """The next byte, after a successful ``wait``."""
        return self._ahead[0]

    def head(self) -> bytes:
        """Everything up to the empty line. Raises BadRequest (408, 431), ClientGone."""
        while self._ahead[:2] == b"\r\n":
            del self._ahead[:2]  # RFC 9112 2.2: empty lines before a request are ignored
        deadline = time.monotonic() + HEAD_WAIT
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            if len(self._ahead) > HEAD_LIMIT:
                raise BadRequest(431, "The request's headers are too large.")
            left = deadline - time.monotonic()
            if left <= 0:
                raise BadRequest(408, "The request's headers did not arrive in time.")
            set_wait(self._sock, socket.SO_RCVTIMEO, max(left, 0.01))
            try:
                more = self._fill()
            except (BlockingIOError, TimeoutError):
                continue
            if not more:
                raise ClientGone
        if end > HEAD_LIMIT:
            raise BadRequest(431, "The request's headers are too large.")
        head = bytes(self._ahead[:end])
        del self._ahead[: end + 4]
        return head

    def line(self) -> bytes:
        """A line of a chunked body, without its end. Raises BadRequest, ClientGone."""
        while (end := self._ahead.find(b"\r\n")) < 0:
            if len(self._ahead) > _CHUNK_LINE_LIMIT:
                raise BadRequest(400, "A chunk's header is too long.")
            self.body_wait()
            try:
                more = self._fill()
            except (BlockingIOError, TimeoutError):
                raise ClientGone from None
            if not more:
                raise ClientGone
        line = bytes(self._ahead[:end])
        del self._ahead[: end + 2]
        return line

    def body_wait(self) -> None:
        """From now on, reads are those of a body."""
        set_wait(self._sock, socket.SO_RCVTIMEO, BODY_WAIT)

    def readinto(self, buffer: memoryview) -> int:
        """Fill ``buffer``, or as much of it as arrives in time. Raises ClientGone if that is too little."""
        if self._ahead:
            count = min(len(self._ahead), len(buffer))
            buffer[:count] = self._ahead[:count]
            del self._ahead[:count]
            return count
        started = time.monotonic()
        try:
            count = self._sock.recv_into(buffer, 0, socket.MSG_WAITALL)
        except (BlockingIOError, TimeoutError, ConnectionError):
            raise ClientGone from None
        if not count:
            raise ClientGone
        if count < min(BODY_PROGRESS, len(buffer)) and time.monotonic() - started >= BODY_WAIT:
            raise ClientGone
        return count

    def _fill(self) -> bool:
        try:
            piece = self._sock.recv(_READ_AHEAD)
        except ConnectionError:
            return False
        self._ahead += piece
        return bool(piece)


class Body:
    """A request's body: by Content-Length, chunked, or empty.

    The client's ``Expect: 100-continue`` is answered when the body is first read, so that a refusal comes
    before the bytes.
    """

    def __init__(self, source: Input, sock: socket.socket, headers: dict[str, str]) -> None:
        self._source = source
        self._sock = sock
        self._expects = headers.get("expect", "").lower() == "100-continue"
        self.chunked = False
        self.length: int | None = 0
        coding = headers.get("transfer-encoding", "").lower()
        if coding:
            if coding != "chunked" or "content-length" in headers:
                raise BadRequest(400, "Only the chunked transfer coding is understood, without Content-Length.")
            self.chunked, self.length = True, None
        elif "content-length" in headers:
            text = headers["content-length"]
            if not (text.isascii() and text.isdigit()):
                raise BadRequest(400, "Content-Length is not a number.")
            self.length = int(text)
        self._left = self.length or 0
        self.finished = not self.chunked and not self._left
        self._first = True

    @property
    def unread(self) -> int:
        """How many bytes are still to come, as far as that is known."""
        return sys.maxsize if (self.chunked or self._expects) and not self.finished else self._left

    def readinto(self, buffer: memoryview) -> int:
        """The next piece; 0 at the end. Raises BadRequest, ClientGone."""
        if self.finished:
            return 0
        if self._first:
            self._first = False
            self._source.body_wait()
            if self._expects:
                self._expects = False
                try:
                    self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                except OSError:
                    raise ClientGone from None
        if self.chunked and not self._left and not self._next_chunk():
            return 0
        count = self._source.readinto(buffer[: min(len(buffer), self._left)])
        self._left -= count
        if not self._left:
            if not self.chunked:
                self.finished = True
            elif self._source.line():
                raise BadRequest(400, "A chunk is longer than it says.")
        return count

    def _next_chunk(self) -> bool:
        size = self._source.line().partition(b";")[0].strip()
        if not size or size.strip(b"0123456789abcdefABCDEF"):
            raise BadRequest(400, "A chunk's length is not a number.")
        self._left = int(size, 16)
        if self._left:
            return True
        for _ in range(100):  # trailers, which nothing here needs
            if not self._source.line():
                self.finished = True
                return False
        raise BadRequest(400, "Too many trailers.")


class _Empty:
    length: int | None = 0

    def readinto(self, buffer: memoryview) -> int:
        del buffer
        return 0


EMPTY = _Empty()
"""The body of a request that has none."""
