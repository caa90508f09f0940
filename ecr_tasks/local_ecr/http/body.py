"""A client's bytes and a request's body, read with a limit on every wait."""

from __future__ import annotations

import io
import socket
import struct
import sys
import time

from .messages import BadRequest, ClientGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message
    from typing import Any

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
    whole_seconds = int(seconds)
    microseconds = int((seconds - whole_seconds) * 1e6)
    sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", whole_seconds, microseconds))


class _SocketBytes(io.RawIOBase):
    """A socket's bytes until ``deadline``, after which a read raises TimeoutError."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        set_wait(self._sock, socket.SO_RCVTIMEO, max(seconds, 0.001))
        # A large buffer is a body's, which is filled in one call; a small one is the read-ahead's.
        flags = socket.MSG_WAITALL if len(buffer) > _READ_AHEAD else 0
        try:
            return self._sock.recv_into(buffer, 0, flags)
        except BlockingIOError:
            raise TimeoutError from None


class Input(io.BufferedReader):
    """The bytes that a client sends, read ahead. A read raises TimeoutError after the seconds of ``allow``."""

    raw: _SocketBytes

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(_SocketBytes(sock), _READ_AHEAD)

    def readline(self, size: int | None = -1) -> bytes:
        """Read a line, or ``size`` bytes of it. Raises ClientGone if the client closes in the middle."""
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise ClientGone
        return line

    def allow(self, seconds: float) -> None:
        """Limit all reads from now on to this many seconds together."""
        self.raw.deadline = time.monotonic() + seconds


class Body:
    """A request's body: by Content-Length, chunked, or empty. Raises BadRequest for contradictory headers.

    The client's ``Expect: 100-continue`` is answered when the body is first read, so that a refusal comes
    before the bytes.
    """

    def __init__(self, source: Input, sock: socket.socket, headers: Message) -> None:
        self._source = source
        self._sock = sock
        self._expects_continue = headers.get("Expect", "").lower() == "100-continue"
        coding, length = headers.get("Transfer-Encoding", "").lower(), headers.get("Content-Length")
        if coding and (coding != "chunked" or length is not None):
            raise BadRequest(400, "Only the chunked transfer coding is understood, without Content-Length.")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise BadRequest(400, "Content-Length is not a number.")
        self.chunked = bool(coding)
        self.length: int | None = None if self.chunked else int(length or 0)
        self._left = self.length or 0
        self.finished = not self.chunked and not self._left
        self._started = False
        self._progress = 0

    @property
    def unread(self) -> int:
        """Return how many bytes are not read yet; ``sys.maxsize`` if that is not known."""
        return sys.maxsize if (self.chunked or self._expects_continue) and not self.finished else self._left

    def readinto(self, buffer: memoryview) -> int:
        """Read the next piece into ``buffer``; returns its size, 0 at the end. Raises BadRequest, ClientGone."""
        if self.finished:
            return 0
        try:
            return self._readinto(buffer)
        except OSError:  # a reset, or no progress in time
            raise ClientGone from None

    def _readinto(self, buffer: memoryview) -> int:
        if not self._started:
            self._started = True
            self._source.allow(BODY_WAIT)
            if self._expects_continue:
                self._expects_continue = False
                self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.chunked and not self._left and not self._next_chunk():
            return 0
        count = self._source.readinto1(buffer[: self._left])
        if not count:
            raise ClientGone
        self._left -= count
        self._progress += count
        if self._progress >= BODY_PROGRESS:
            self._progress = 0
            self._source.allow(BODY_WAIT)
        if not self._left:
            if not self.chunked:
                self.finished = True
            elif self._line():
                raise BadRequest(400, "A chunk is longer than it says.")
        return count

    def _next_chunk(self) -> bool:
        size = self._line().partition(b";")[0].strip()
        if not size or size.strip(b"0123456789abcdefABCDEF"):
            raise BadRequest(400, "A chunk's length is not a number.")
        self._left = int(size, 16)
        if self._left:
            return True
        for _ in range(100):  # trailers, which nothing here needs
            if not self._line():
                self.finished = True
                return False
        raise BadRequest(400, "Too many trailers.")

    def _line(self) -> bytes:
        line = self._source.readline(_CHUNK_LINE_LIMIT)
        if len(line) == _CHUNK_LINE_LIMIT:
            raise BadRequest(400, "A chunk's header is too long.")
        return line.rstrip(b"\r\n")
