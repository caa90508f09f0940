"""A request's head: read within limits and checked, before http.server parses it; the hosts of this machine."""

from __future__ import annotations

import re
import socket

from .messages import BadRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .messages import Reader

HEAD_LIMIT = 65536
"""The largest size of a request line and its headers together, in bytes. Authorization is the longest one in use."""

MAX_FIELDS = 100

_METHODS = frozenset({b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT"})

# RFC 9110, section 5.6.2 (token), and RFC 9112, sections 3 (request line) and 5 (field lines). No control characters
# (RFC 9110, section 5.5), of which a bare CR could pass for the end of a line, and no folded lines.
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~]+ HTTP/[1-9]\.[0-9]\r?\n")
_FIELD_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r?\n")

# RFC 9110, section 7.2: uri-host [ ":" port ]
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]*)?")

_LOCAL_SUFFIXES = (".localhost", ".internal")
"""Domains that nobody can register: RFC 6761, section 6.3, and ICANN's resolution 2024.07.29.06 (host.docker.internal
is the host in Docker Desktop's containers)."""


def read_head(reader: Reader) -> tuple[bytes, bytes]:
    """Return a request line and the header lines after it, with the empty line that ends them.

    The time is linear in the size. Raises ClientGone, and BadRequest: 400, 414 and 431 where they are too long, 501
    for an unknown method.
    """
    line = reader.readline(HEAD_LIMIT)
    while line in (b"\r\n", b"\n"):  # RFC 9112, section 2.2: an empty line before a request is ignored
        line = reader.readline(HEAD_LIMIT)
    if len(line) == HEAD_LIMIT:
        raise BadRequest(414, "The request line is too long.")
    if _REQUEST_LINE.fullmatch(line) is None:
        raise BadRequest(400, "This is not an HTTP request.")
    if line.partition(b" ")[0] not in _METHODS:  # RFC 9110, section 9.1
        raise BadRequest(501, "The local ECR knows no such method.")
    left = HEAD_LIMIT - len(line)
    lines: list[bytes] = []
    while not lines or lines[-1] not in (b"\r\n", b"\n"):
        if left <= 0 or len(lines) > MAX_FIELDS:
            raise BadRequest(431, f"The headers have more than {HEAD_LIMIT} bytes or {MAX_FIELDS} lines.")
        field = reader.readline(left)
        left -= len(field)
        if left > 0 and field not in (b"\r\n", b"\n") and _FIELD_LINE.fullmatch(field) is None:
            raise BadRequest(400, "A header is malformed.")
        lines.append(field)
    return line, b"".join(lines)


def host_name(host: str) -> str:
    """Return the name or address in a host with or without a port, in lower case; empty if it is malformed."""
    match = _HOST.fullmatch(host)
    return "" if match is None else match[1].lower().rstrip(".")


def check_host(host: str, names: Collection[str]) -> None:
    """Raise BadRequest (421) if a request is for a host that is not this machine.

    ``host`` is that of the Host header or of an absolute target, with or without a port. An address, localhost and
    the server's own ``names`` are this machine. Any other name can be a web page's, whose owner has pointed it to
    127.0.0.1 so that the page may read the responses (DNS rebinding). RFC 9110, sections 7.4 and 15.5.20.
    """
    name = host_name(host)
    if name and (name == "localhost" or name.endswith(_LOCAL_SUFFIXES) or name in names):
        return
    if _is_address(name.strip("[]")):
        return
    other = f", or start it with --advertise={name}:PORT" if name else ""
    raise BadRequest(
        421,
        f"The local ECR does not answer for the host {host[:100]!r}. Call it by localhost or its address{other}.",
    )


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except OSError:
            continue
        return True
    return False
