"""A server in another process: start one that outlives this process, find it again, and send it requests."""

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

from .auth import admin_token
from .constants import ADMIN_HEADER, LOCK_FILE, REFUSED, SECRET_FILE, SERVING_FILE, STATUS_PATH
from .errors import LocalEcrError, folder_errors
from .files import make_private, open_lock, open_private, replace_file
from .json_text import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LOG_FILE = "server.log"
_STATE_FILE = "control.json"
_START_SECONDS = 15.0
_ANSWER_SECONDS = 5.0
_LOCK_SECONDS = 90.0
_REPAIR_SECONDS = 2.5
"""A server looks once a second whether the file by which it is found is as it wrote it."""
_MAX_ANSWER_BYTES = 4 << 20

_STATUS_TYPES = {"store": str, "pid": int, "endpoint": str, "registry": str, "account": str, "region": str}
_STATE_TYPES = {"port": int, "account": str, "region": str, "container": str, "endpoint": str, "store": str}

BOOT_CODE = (
    "import sys; package = type(sys)('ecr_tasks'); package.__path__ = [sys.argv.pop(1)];"
    " sys.modules['ecr_tasks'] = package;"
    " from ecr_tasks.local_ecr.__main__ import main; sys.exit(main(sys.argv[1:]))"
)
"""Run with -I -S: neither the current folder nor PYTHONPATH can put anything before the standard library. The package
``ecr_tasks`` is created empty instead of loaded, as nothing in it is needed."""

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")

# The pids of servers that this process started, to be reaped when they end before it does.
_children: list[int] = []


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file; an empty one if it cannot be read."""
    try:
        document = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def read_state(root: Path) -> dict[str, Any]:
    """Return ``port``, ``account``, ``region``; in a container also ``container``, ``endpoint``, ``store``."""
    state = read_json(root / _STATE_FILE)
    valid = {name: state[name] for name, kind in _STATE_TYPES.items() if isinstance(state.get(name), kind)}
    if not 0 < valid.get("port", 0) < 65536:
        valid.pop("port", None)
    return valid


def write_state(root: Path, state: dict[str, Any]) -> None:
    """Store the state that ``read_state`` returns."""
    replace_file(root / _STATE_FILE, json.dumps(state).encode())


@contextlib.contextmanager
def control_lock(root: Path) -> Iterator[None]:
    """Hold the folder's lock, so that no other process starts, stops or empties its server.

    Raises LocalEcrError if another process holds it for a minute and a half, and for another user's folder.
    """
    make_private(root)
    fd = open_lock(root / "control.lock")
    deadline = time.monotonic() + _LOCK_SECONDS
    try:
        while not _lock(fd):
            if time.monotonic() > deadline:
                raise LocalEcrError(
                    f"Another process has held {root / 'control.lock'} for {_LOCK_SECONDS:.0f} seconds.",
                    "Wait for the command that starts, stops or empties the local ECR there, or end it.",
                )
            time.sleep(0.01)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def control(root: Path) -> Iterator[tuple[Path, dict[str, Any], dict[str, Any] | None]]:
    """Hold the folder's lock, so that no other process starts, stops or empties its server.

    Yields the folder's absolute path, its state, and its server's status.
    """
    root = root.expanduser().absolute()
    with folder_errors(root), control_lock(root):
        state = read_state(root)
        yield root, state, server_status(root, state)


def is_served(root: Path) -> bool:
    """Return whether a process on this machine serves the folder, whether it answers or not."""
    try:
        (root / LOCK_FILE).lstat()  # it is not created here
        fd = open_lock(root / LOCK_FILE)
    except FileNotFoundError:
        return False
    try:
        return not _lock(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def serving_lock(root: Path) -> Iterator[None]:
    """Prevent that a server serves the folder. Raises LocalEcrError if one does."""
    fd = open_lock(root / LOCK_FILE)
    try:
        if not _lock(fd):
            raise LocalEcrError(f"A local ECR serves {root}.", "Stop it first.")
        yield
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    """Lock a file; returns False if another process has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def request(endpoint: str, path: str, secret: bytes | None = None) -> dict[str, Any] | None:
    """Return a server's JSON answer to GET ``path``, or to POST with the folder's ``secret``; None without one."""
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    method = "GET" if secret is None else "POST"
    token = "" if secret is None else admin_token(secret, path.partition("?")[0])
    headers = f"{ADMIN_HEADER}: {token}\r\nContent-Length: 0\r\n" if token else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{headers}Connection: close\r\n\r\n"
    response = bytearray()
    deadline = time.monotonic() + _ANSWER_SECONDS
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS) as client:
            client.sendall(head.encode())
            while len(response) <= _MAX_ANSWER_BYTES and (piece := client.recv(65536)):
                response += piece
                client.settimeout(max(deadline - time.monotonic(), 0.001))
        status_and_headers, _, body = bytes(response).partition(b"\r\n\r\n")
        document = parse_json(body) if status_and_headers.startswith(b"HTTP/1.1 200 ") else None
    except (OSError, ValueError, OverflowError):  # int() and create_connection() of a port that is none
        return None
    return document if isinstance(document, dict) else None


def status(endpoint: str) -> dict[str, Any] | None:
    """Return the status (``App``) of the local ECR at ``endpoint``; None if there is none."""
    document = request(endpoint, STATUS_PATH)
    if document is None or not all(isinstance(document.get(name), kind) for name, kind in _STATUS_TYPES.items()):
        return None
    return document


def command(root: Path, endpoint: str, path: str) -> bool:
    """Make the folder's server reset or stop (``path``); returns whether it did."""
    try:
        secret = (root / SECRET_FILE).read_bytes()
    except OSError:
        return False
    return request(endpoint, path, secret) is not None


def server_status(root: Path, state: dict[str, Any]) -> dict[str, Any] | None:
    """Return the status of the folder's server (``App``); None if no server answers, or another folder's."""
    if state.get("container"):
        return _status_of(state)
    deadline = time.monotonic() + _REPAIR_SECONDS
    # Where no process serves the folder, another program at its port gets no request.
    while is_served(root):
        answer = _status_of(read_json(root / SERVING_FILE))
        if answer is not None or time.monotonic() > deadline:
            return answer
        time.sleep(0.005)
    return None


def _status_of(serving: dict[str, Any]) -> dict[str, Any] | None:
    answer = status(str(serving["endpoint"])) if serving.get("endpoint") else None
    return answer if answer is not None and answer["store"] == serving.get("store") else None


def start(root: Path, port: int, account: str, region: str) -> dict[str, Any]:
    """Start a server in a session of its own; returns its status. Raises LocalEcrError."""
    import subprocess

    reap()
    package = str(Path(__file__).resolve().parents[1])
    arguments = [f"--root={root}", f"--port={port}", f"--account={account}", f"--region={region}"]
    log_path = root / LOG_FILE
    (root / SERVING_FILE).unlink(missing_ok=True)
    fd = open_private(log_path, os.O_WRONLY | os.O_TRUNC)
    try:
        child = subprocess.Popen(  # noqa: S603  (this interpreter and this package)
            [sys.executable, "-I", "-S", "-c", BOOT_CODE, package, *arguments],
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
        answer = server_status(root, {})
        if answer is not None:
            _children.append(child.pid)
            child.returncode = 0  # it outlives this process: no ResourceWarning
            return answer
        if child.poll() is not None:
            break
        time.sleep(0.002)
    else:
        child.kill()
        child.wait()
    lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if child.returncode == REFUSED and len(lines) == 2:
        raise LocalEcrError(*lines)
    last = lines[-1:]
    if not last and not os.statvfs(root).f_bavail:  # it could not even write its log
        raise LocalEcrError(f"The local ECR did not start: the disk of {root} is full.", "Make room there.")
    raise LocalEcrError("The local ECR did not start" + (f": {last[0]}" if last else "."), f"Its log is {log_path}.")


def port_is_free(port: int) -> bool:
    """Return whether a server could bind the port on 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for_end(root: Path, seconds: float) -> bool:
    """Wait until no process serves the folder; returns False if one still does after ``seconds``."""
    deadline = time.monotonic() + seconds
    while is_served(root):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    reap()
    return True


def kill(root: Path) -> bool:
    """End the process that serves the folder; returns False if it is not known which one it is.

    The recorded pid can be another process' by now, or of a container, which has pids of its own.
    """
    pid = read_json(root / SERVING_FILE).get("pid")
    if not isinstance(pid, int) or f"--root={root}" not in _arguments(pid):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True


def _arguments(pid: int) -> str:
    """Return the command line of a process, with a line break before each argument where that is known."""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "surrogateescape").replace("\0", "\n")
        return ""
    import subprocess

    # POSIX: ps -o args; the path is that of every Unix.
    completed = subprocess.run(["/bin/ps", "-o", "args=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603
    return completed.stdout.decode("utf-8", "surrogateescape")


def reap() -> None:
    """Reap the servers that this process started and that have ended."""
    for pid in list(_children):
        ended_pid = pid
        with contextlib.suppress(ChildProcessError):
            ended_pid, _ = os.waitpid(pid, os.WNOHANG)
        if ended_pid:
            _children.remove(pid)
