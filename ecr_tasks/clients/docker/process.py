"""Runs a child process with its output on our stderr, and keeps its last lines.

stdout is for data. On a terminal the child gets a pseudo-terminal: buildx and docker draw their live progress, and we
still read the failing step of a build, which only this output contains. Invoke's own runner with a pseudo-terminal
(3.0.3) was tried: it gives the child the size of stdout's terminal (80 columns when that is a file), waits for ever
for a child that ignores Ctrl-C or reads stdin, goes on after an interruption, and splits characters between reads.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

TAIL_BYTES = 64 * 1024
"""How much of the child's output is kept, to explain a failure."""

GRACE_SECONDS = 10
"""How long an interrupted child may take to end by itself."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0-9A-B]|\r(?=\n)")


@dataclass(frozen=True)
class ProcessResult:
    """A child's exit code, and the last lines that it printed, without terminal codes."""

    code: int
    lines: tuple[str, ...]


def run(command: Sequence[str], *, env: Mapping[str, str], cwd: str | None = None) -> ProcessResult:
    """Run a command to its end, its output on our stderr.

    On an interruption the child gets a SIGINT, as a terminal would send it, ten seconds to end, and then a SIGKILL;
    the interruption goes on. Raises FileNotFoundError when there is no such program.
    """
    sys.stderr.flush()
    terminal = sys.stderr.isatty() and os.name == "posix"
    read_end, write_end = _open_terminal() if terminal else os.pipe()
    try:
        child = subprocess.Popen(  # noqa: S603 - a list from our own code, no shell
            list(command), stdin=subprocess.DEVNULL, stdout=write_end, stderr=write_end, env=dict(env), cwd=cwd
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
    return ProcessResult(code, tuple(_ANSI.sub("", tail.decode(errors="replace")).splitlines()))


def _forward(read_end: int) -> bytes:
    """Copy the child's output to our stderr until its end and return the last TAIL_BYTES of it."""
    tail, target = b"", sys.stderr.fileno()
    while True:
        try:
            chunk = os.read(read_end, 65536)
        except OSError:  # EIO: a pseudo-terminal whose other end is closed has no more output
            return tail
        if not chunk:
            return tail
        tail = (tail + chunk)[-TAIL_BYTES:]
        while chunk:
            chunk = chunk[os.write(target, chunk) :]


def _stop(child: subprocess.Popen[bytes], read_end: int) -> None:
    """Interrupt the child and show the rest of its output; kill it when it takes too long."""
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    killer = threading.Timer(GRACE_SECONDS, child.kill)
    killer.start()
    try:
        _forward(read_end)
        child.wait()
    finally:
        killer.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()


def _open_terminal() -> tuple[int, int]:
    """Return both ends of a new pseudo-terminal as large as ours: our end, the child's end."""
    import fcntl
    import pty
    import termios

    our_end, child_end = pty.openpty()
    size = fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(child_end, termios.TIOCSWINSZ, size)
    return our_end, child_end
