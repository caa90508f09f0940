"""A server in another process: starting one that outlives us, finding it again, and talking to it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

from .constants import ADMIN_HEADER, LOCK_FILE, SERVING_FILE, STATUS_PATH
from .errors import LocalEcrError
from .files import write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LOG_FILE = "server.log"
_STATE_FILE = "control.json"
_START_SECONDS = 15.0
_PING_SECONDS = 5.0

BOOT = (
    "import sys; package = type(sys)('ecr_tasks'); package.__path__ = [sys.argv.pop(1)];"
    " sys.modules['ecr_tasks'] = package;"
    " from ecr_tasks.local_ecr.__main__ import main; sys.exit(main(sys.argv[1:]))"
)
"""Run with -I -S: neither the current folder nor PYTHONPATH can put anything before the standard library. The package
around this one is not loaded, only named, as nothing of it is needed."""

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")

# The pids of servers that we started, to be reaped when they end before we do.
_children: list[int] = []


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty if there is none that can be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_state(root: Path) -> dict[str, Any]:
    """What was remembered: ``port``, ``account``, ``region``; for a container also its name and where it is."""
    return read_json(root / _STATE_FILE)


def write_state(root: Path, state: dict[str, Any]) -> None:
    """Remember. The file appears whole or not at all."""
    write_whole(root / _STATE_FILE, json.dumps(state).encode())


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Nobody else starts, stops or empties this folder's server meanwhile."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(root / "control.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def is_held(root: Path) -> bool:
    """Whether a process on this machine serves the folder, answering or not."""
    try:
        fd = os.open(root / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def ask(endpoint: str, path: str, wish: str | None = None) -> dict[str, Any] | None:
    """The JSON answer of a server to GET ``path``, or to POST if there is a ``wish``; None if it gives none."""
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    method = "GET" if wish is None else "POST"
    more = "" if wish is None else f"{ADMIN_HEADER}: {wish}\r\nContent-Length: 0\r\n"
    text = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{more}Connection: close\r\n\r\n"
    answer = bytearray()
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PING_SECONDS) as client:
            client.sendall(text.encode())
            while piece := client.recv(65536):
                answer += piece
        head, _, body = bytes(answer).partition(b"\r\n\r\n")
        found = json.loads(body) if head.startswith(b"HTTP/1.1 200 ") else None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def ping(root: Path, state: dict[str, Any]) -> dict[str, Any] | None:
    """What the folder's server says of itself; None if none answers, or one that serves another folder."""
    if state.get("container"):
        where = state
    elif is_held(root):
        where = read_json(root / SERVING_FILE)
    else:
        return None  # and nobody else's server is bothered
    if not where.get("endpoint"):
        return None
    said = ask(str(where["endpoint"]), STATUS_PATH)
    return said if said is not None and said.get("store") == where.get("store") else None


def spawn(root: Path, port: int, account: str, region: str) -> dict[str, Any]:
    """Start a server in a session of its own; returns what it says of itself. Raises LocalEcrError."""
    import subprocess

    reap()
    package = str(Path(__file__).resolve().parents[1])
    options = {"root": str(root), "port": str(port), "account": account, "region": region}
    arguments = [f"--{name}={value}" for name, value in options.items()]
    log_path = root / LOG_FILE
    (root / SERVING_FILE).unlink(missing_ok=True)
    fd = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
            [sys.executable, "-I", "-S", "-c", BOOT, package, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=fd,
            cwd=root,
            env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
            start_new_session=True,
        )
    finally:
        os.close(fd)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        said = ping(root, {})
        if said is not None:
            _children.append(child.pid)
            child.returncode = 0  # it is to outlive us: no ResourceWarning
            return said
        if child.poll() is not None:
            break
        time.sleep(0.002)
    else:
        child.kill()
        child.wait()
    last = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    raise LocalEcrError("The local ECR did not start" + (f": {last[0]}" if last else "."), f"Its log is {log_path}.")


def port_is_free(port: int) -> bool:
    """Whether a server could bind the port on 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_gone(root: Path, seconds: float) -> bool:
    """Wait until no process serves the folder; False if one still does."""
    deadline = time.monotonic() + seconds
    while is_held(root):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    reap()
    return True


def kill(pid: int) -> None:
    """End a process that did not end when asked."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def reap() -> None:
    """Forget the servers that we started and that have ended."""
    for pid in list(_children):
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended = pid
        if ended:
            _children.remove(pid)
