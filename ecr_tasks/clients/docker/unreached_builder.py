"""Say why nothing answers at the address of a remote BuildKit: buildx waits for 20 seconds, and names no reason."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ecr_tasks.errors import BuildError
from ecr_tasks.model.builder import Builder, Node
from ecr_tasks.plan.builder import TLS_OPTIONS

SECONDS = 5.0
"""How long each step of the question may take."""

_ANSWER_SECONDS = 1.0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
"""What a client of HTTP/2 begins with (RFC 9113, section 3.4), which gRPC speaks: a preface and empty settings."""

_ALERT = b"\x15"
"""The first byte with which TLS refuses what isn't TLS (RFC 8446, section 6)."""

_ENDS = {
    True: "it ends the connection, perhaps because it does not accept the certificate of the builder's TLS files",
    False: "it ends the connection: it may want TLS, and the builder has no TLS files",
}
"""What it says of a connection that a server ends, with TLS files and without."""


def check_reached(builder: Builder) -> None:
    """Raise BuildError for a builder of the remote driver with a node that doesn't answer."""
    if trouble := trouble_of(builder):
        raise BuildError(
            f"The builder {builder.name} does not answer at {trouble}.",
            "Start what listens there, correct its address or its TLS files (`inv builder.create`), or choose "
            "another builder with ECR_BUILDER (`docker buildx ls` lists them).",
        )


def trouble_of(builder: Builder) -> str:
    """Return the address of a remote node that doesn't answer and the reason, as far as it is found; else nothing."""
    for node in builder.nodes if builder.driver == "remote" else ():
        if node.status == "inactive" and (reason := _why_unreached(node)):
            return f"{node.endpoint}: {reason}"
    return ""


def _why_unreached(node: Node) -> str | None:
    """Return the reason, or None where something answers by now, or the address is of another kind."""
    address = urlsplit(node.endpoint)
    try:
        host, port = address.hostname, address.port
    except ValueError:
        return None
    if address.scheme != "tcp" or not host or not port:
        return None
    files = {name: node.options[name] for name in TLS_OPTIONS if name in node.options}
    for name, file in files.items():
        if not Path(file).is_file() or not os.access(file, os.R_OK):  # a pipe would be waited for
            return f"its TLS file {name} is no file that can be read ({file})"
    try:
        with socket.create_connection((host, port), SECONDS) as connection:
            return _answer(connection, files, node.options.get("servername") or host)
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not accepted ({error.verify_message.rstrip('.')})"
    except (ssl.SSLEOFError, ConnectionResetError):
        return _ENDS[bool(files)]
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        alert = reason.partition("_ALERT_")[2]
        words = (alert or reason).replace("_", " ").lower()
        if "CERTIFICATE" in alert or alert == "UNKNOWN_CA":  # the other side's words about ours
            return f"it does not accept the certificate of the builder's TLS files ({words})"
        return f"TLS fails ({words})"
    except TimeoutError:
        return "no answer in time"
    except OSError as error:
        return error.strerror or str(error)


def _answer(connection: socket.socket, files: dict[str, str], name: str) -> str | None:
    """Return what is wrong with the first answer. Raises OSError, of which ssl's errors are some."""
    if files:
        context = ssl.create_default_context(cafile=files.get("cacert"))
        context.set_alpn_protocols(["h2"])
        if "cert" in files:
            context.load_cert_chain(files["cert"], files.get("key"))
        connection = context.wrap_socket(connection, server_hostname=name)
    with connection:
        connection.sendall(_PREFACE)
        connection.settimeout(_ANSWER_SECONDS)
        with suppress(TimeoutError):  # a server refuses the certificate of a client only now
            return None if connection.recv(1) not in (b"", _ALERT) else _ENDS[bool(files)]
    return None
