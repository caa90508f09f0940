"""Runs a child program while a person watches: live on a terminal, plain lines elsewhere, its last words kept.

Everything the child prints goes to our stderr, because stdout is data. On a terminal the child gets a
pseudo-terminal, so that buildx and docker draw their live progress while we still see what they said last: the
failing step of a build is only ever told there.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

TAIL_BYTES = 64 * 1024
"""How much of the child's output is kept to explain a failure."""

_GRACE_SECONDS = 10
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0-9A-B]|\r(?=\n)")


@dataclass(frozen=True)
class Finished:
    """How a child ended, and the last lines it printed, without terminal codes."""

    code: int
    lines: tuple[str, ...]


def run(command: Sequence[str], *, env: Mapping[str, str], cwd: str | None = None) -> Finished:
    """Runs the command to its end, its output on our stderr.

    On an interruption the child is asked to stop as a terminal would ask it (SIGINT), given ten seconds, then
    killed; the interruption goes on. Raises FileNotFoundError when there is no such program.
    """
    sys.stderr.flush()
    terminal = sys.stderr.isatty() and os.name == "posix"
    read_end, write_end = _terminal() if terminal else os.pipe()
    try:
        child = subprocess.Popen(  # noqa: S603 - a list from our own code, no shell
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=write_end,
            env=dict(env),
            cwd=cwd,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    try:
        tail = _forward(read_end)
        code = child.wait()
    except BaseException:
        _stop(child, read_end)
        raise
    finally:
        os.close(read_end)
    return Finished(code, _lines(tail))


def _forward(source: int) -> bytes:
    kept: deque[bytes] = deque()
    size = 0
    target = sys.stderr.fileno()
    while True:
        try:
            chunk = os.read(source, 65536)
        except OSError:  # a pseudo-terminal whose other side is gone (EIO) is at its end
            break
        if not chunk:
            break
        _write(target, chunk)
        kept.append(chunk)
        size += len(chunk)
        while size - len(kept[0]) > TAIL_BYTES:
            size -= len(kept.popleft())
    return b"".join(kept)


def _write(target: int, chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(target, chunk) :]


def _lines(tail: bytes) -> tuple[str, ...]:
    return tuple(_ANSI.sub("", tail.decode(errors="replace")).splitlines())


def _stop(child: subprocess.Popen[bytes], source: int) -> None:
    """Asks the child to stop and shows what it still has to say; kills it when it takes too long."""
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    limit = threading.Timer(_GRACE_SECONDS, child.kill)
    limit.start()
    try:
        _forward(source)
        child.wait()
    finally:
        limit.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()


def _terminal() -> tuple[int, int]:
    """A pseudo-terminal as large as ours, as (our end, the child's end)."""
    import fcntl
    import pty
    import termios

    ours, childs = pty.openpty()
    size = fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(childs, termios.TIOCSWINSZ, size)
    return ours, childs
