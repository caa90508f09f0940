"""Why a docker command failed that may succeed if it is tried again: a busy registry, a lost connection."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecr_tasks.clients.docker import errors, known_errors

_LASTING = (
    r"(?i)denied|unauthorized|not authorized|no basic auth|not found|does not exist|name unknown|manifest unknown"
    r"|immutable|already exists|no space left|digest mismatch|did not match|unexpected commit digest"
    r"|failed precondition|certificate|pull rate limit|data limit exceeded"
)
"""Causes that a retry doesn't remove. They make an error lasting, even if it matches a transient pattern too."""

_UNREACHED = (
    r"no such host|server misbehaving|name resolution|connection refused|no route to host"
    r"|network is (?:unreachable|down)"
)
"""What a wrong address gives as well as a network, or its names, that are away for a while."""

_REFUSED_HERE = r"dial tcp (127\.[0-9.]+|\[::1\]):([0-9]{1,5}): [^\n]{0,20}connection refused"

_NOT_REGISTRY = r'" did not complete successfully|invalid response status|failed to fetch remote'

_STATUS = r"(?:[Ss]tatus|HTTP)[^\n]{0,60}?\b((?:429|50[0234])\b(?: [A-Z][A-Za-z]+)*)"

_THROTTLED = r"(?i)toomanyrequests|too many requests|Rate exceeded"

_LOST = (
    r"\bEOF\b|connection reset by peer|broken pipe|transport connection broken|use of closed network connection"
    r"|server sent GOAWAY|stream error: .{0,200}?(?:INTERNAL_ERROR|REFUSED_STREAM)|server closed idle connection"
)

_SLOW = (
    r"TLS handshake timeout|i/o timeout|Client\.Timeout exceeded|timeout awaiting response headers"
    r"|context deadline exceeded|connection timed out"
)

_FAILING = r"(?i)error from registry: (?:unknown|internal (?:server )?error)"

_ARRIVED = r"([0-9a-f]{12}): (?:Pushed|Layer already exists|Mounted from \S+|Pull complete|Download complete)"

_QUOTED = r'"[^"]*"|https?://\S+'


def reason(lines: Sequence[str], *, named_by_ecr: bool = False) -> str | None:
    """Return why a push, pull or copy failed if another attempt may succeed; None for a lasting failure.

    Transient causes: a registry that is busy (429), fails (500, 502, 503, 504) or does not answer in time, and a lost
    connection; of a registry whose address is ECR's own word (``named_by_ecr``), also that it can't be reached. Words
    in a URL or in quotes are names and are ignored.
    """
    message = re.sub(_QUOTED, "", errors.last_error(lines))
    is_machine = any(errors.fits(row, lines) for row in (*known_errors.ENGINE, *known_errors.BUILDERS))
    if is_machine or re.search(_LASTING, message):
        return None
    if unreached := re.search(_UNREACHED, message):
        return f"the registry can't be reached ({unreached.group(0)})" if named_by_ecr else None
    if status := re.search(_STATUS, message):
        return f"the registry answered {status.group(1)}"
    if re.search(_THROTTLED, message):
        return "the registry asks to slow down (too many requests)"
    for pattern, words in ((_SLOW, "the registry does not answer in time"), (_LOST, "the connection was lost")):
        if match := re.search(pattern, message):
            return f"{words} ({match.group(0)})"
    return "the registry has trouble" if re.search(_FAILING, message) else None


def refused_here(lines: Sequence[str]) -> tuple[str, int] | None:
    """Return the address and port of this machine at which docker met nobody; None for another failure."""
    match = re.search(_REFUSED_HERE, errors.last_error(lines))
    return (match[1].strip("[]"), int(match[2])) if match else None


def arrived_layers(lines: Sequence[str]) -> set[str]:
    """Return the layers that docker says are there: it may end before it says so of one that it has just pushed."""
    return {match[1] for line in lines if (match := re.fullmatch(_ARRIVED, line.strip()))}


def transfer_reason(lines: Sequence[str]) -> str | None:
    """Return the :func:`reason` of a push or pull of an image in ECR."""
    return reason(lines, named_by_ecr=True)


def copy_reason(targets: Sequence[str], lines: Sequence[str]) -> str | None:
    """Return the :func:`reason` of a copy to several of ECR's registries: the first one among the failed targets."""
    by_target = errors.lines_by_target(lines)
    reasons = (transfer_reason(by_target[target]) for target in targets if target in by_target)
    return next(filter(None, reasons), None) if by_target else transfer_reason(lines)


def build_reason(lines: Sequence[str]) -> str | None:
    """Return the :func:`reason` of a build: a registry's that it reads from or writes to; it pushes to ECR's alone.

    What a step of the Dockerfile prints, and a file or git repository from an address, is no registry's.
    """
    error = errors.last_error(lines)
    if "failed to solve: " not in error or re.search(_NOT_REGISTRY, error):
        return None
    return reason(lines, named_by_ecr="failed to push " in error)
