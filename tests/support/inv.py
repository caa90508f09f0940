"""Runs `inv` as a program of its own, without the second of imports that each run costs otherwise.

One process has imported what runs import (inv_server.py) and forks for each, which has its own arguments, folder,
environment, output and exit code, like every program.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
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
AT_ONCE = {"TESTS_FRESH_SECONDS": "600"}
"""With these variables, what a run has read of the registries counts as just read for long: on a busy machine it
would look again after two seconds, and a test that counts looks would fail by chance."""
PATIENT = {"TESTS_DOCTOR_SECONDS": "120"}
"""With these variables, what doctor asks may take as long on a busy machine as it likes."""
READ_AT_START = ("PYTHON", "LANG", "LC_", "INVOKE_DEBUG")
"""What the names begin with that Python and Invoke read when they start."""


def run_inv(
    words: Iterable[str], folder: Path, environ: Mapping[str, str], program: tuple[str, ...] = INVOKE
) -> subprocess.CompletedProcess[str]:
    """Run `inv …` in a folder, without a terminal and with nothing to read, and return its exit code and output.

    ``program`` is `inv` or `ecr-tasks`, as `python -m …`.
    """
    command = [*program, *words]
    with (
        tempfile.TemporaryFile() as request,
        Path(os.devnull).open("rb") as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        request.write(json.dumps([command[2:], str(folder), dict(environ)]).encode())
        request.flush()
        ended, ends = os.pipe()
        with os.fdopen(ended, "rb") as end:
            handles = [request.fileno(), stdin.fileno(), stdout.fileno(), stderr.fileno(), ends]
            socket.send_fds(server(start_variables(environ))[0], [b"r"], handles)
            os.close(ends)
            code = int(end.read().split()[1])
        return subprocess.CompletedProcess(command, code, text(stdout), text(stderr))


def start_variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that a process which runs already can't be given."""
    return tuple(sorted(item for item in environ.items() if item[0].startswith(READ_AT_START)))


CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect({path!r})
request = os.memfd_create("request")
os.write(request, json.dumps([["invoke", *sys.argv[1:]], os.getcwd(), dict(os.environ)]).encode())
ended, ends = os.pipe()
socket.send_fds(connection, [b"r"], [request, 0, 1, 2, ends])
os.close(ends)
with open(ended) as end:
    run = int(end.readline())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os.kill(run, number))
    code = int(end.read())
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
"""A program that has such a run do it: signals go to the run, and a run whose program is killed is killed, too."""


def inv_program(environ: Mapping[str, str] = os.environ) -> Path:
    """Return a program `inv` for scripts and `subprocess`, which has such a run do it."""
    return server(start_variables(environ))[1]


@functools.cache
def server(start: tuple[tuple[str, str], ...]) -> tuple[socket.socket, Path]:
    """Start the process that forks, with these variables; it ends with us.

    Returns the socket of our requests, and the program that makes other programs' requests.
    """
    ours, its = socket.socketpair()
    folder = tempfile.mkdtemp(prefix="ecr-tasks-inv-")
    path, program = str(Path(folder, "socket")), Path(folder, "inv")
    program.write_text(CLIENT.format(python=sys.executable, path=path), encoding="utf-8")
    program.chmod(0o755)
    with its, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, SERVER, str(its.fileno()), str(listener.fileno())],
            env={"PATH": os.defpath, **dict(start)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[its.fileno(), listener.fileno()],
        )
    atexit.register(shutil.rmtree, folder)
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours, program


def text(file: IO[bytes]) -> str:
    """Return what has been written to a file, as `subprocess` reads text."""
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n").replace("\r", "\n")
