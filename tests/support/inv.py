"""Runs `inv` as a program of its own, without the second of imports that each run costs otherwise.

One process has imported what runs import (inv_server.py) and forks for each, which has its own arguments, folder,
environment, output and exit code, like every program.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

INVOKE = (sys.executable, "-m", "invoke")
ECR_TASKS = (sys.executable, "-m", "ecr_tasks")
SERVER = Path(__file__).with_name("inv_server.py")
READ_AT_START = ("PYTHON", "LANG", "LC_", "INVOKE_DEBUG")
"""What the names begin with that Python and Invoke read when they start."""


def run_inv(
    words: Iterable[str], folder: Path, environ: Mapping[str, str], program: tuple[str, ...] = INVOKE
) -> subprocess.CompletedProcess[str]:
    """Run `inv …` in a folder, without a terminal and with nothing to read, and return its exit code and output.

    ``program`` is `inv` or `ecr-tasks`, as `python -m …`.
    """
    command = [*program, *words]
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        request.write(json.dumps([command[2:], str(folder), dict(environ)]).encode())
        request.flush()
        ended, ends = os.pipe()
        with os.fdopen(ended, "rb") as end:
            handles = [request.fileno(), stdout.fileno(), stderr.fileno(), ends]
            socket.send_fds(server(tuple(sorted(at_start(environ).items()))), [b"r"], handles)
            os.close(ends)
            code = int(end.read())
        return subprocess.CompletedProcess(command, code, text(stdout), text(stderr))


def at_start(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a process which runs already can't be given."""
    return {name: value for name, value in environ.items() if name.startswith(READ_AT_START)}


@functools.cache
def server(start: tuple[tuple[str, str], ...]) -> socket.socket:
    """Start the process that forks, with these variables, and return the socket of its requests; it ends with us."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, SERVER, str(its.fileno())],
            env={"PATH": os.defpath, **dict(start)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def text(file: IO[bytes]) -> str:
    """Return what has been written to a file, as `subprocess` reads text."""
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n").replace("\r", "\n")
