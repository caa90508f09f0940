"""A local ECR in the background: start, stop, describe and empty the one that serves a folder.

``up`` starts a process of its own, which lives until ``down``. ``adopt`` records one that runs in a container
instead; ``status``, ``reset`` and ``up`` then talk to it over HTTP. The counts of ``Status.requests`` are kept by the
server with its data: they survive a restart and start again from zero with ``reset``.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import code, process, stored
from .constants import (
    DEFAULT_ACCOUNT,
    DEFAULT_REGION,
    LOCK_FILE,
    RESET_PATH,
    SERVING_FILE,
    STOP_PATH,
    STORE_FILE,
)
from .errors import LocalEcrError, folder_errors
from .files import check_owner, remove

_STOP_SECONDS = 10.0
_ADOPT_SECONDS = 15.0

_STORE_FILES = (
    *(STORE_FILE, f"{STORE_FILE}-wal", f"{STORE_FILE}-shm", "blobs", "uploads", "registries"),
    *("access.jsonl", "access.1.jsonl", SERVING_FILE),
)
"""What a reset of a stopped server removes: all but the secret, the ports, and what a test has set."""


@dataclass(frozen=True)
class Status:
    """The status of a folder's local ECR. While it is stopped, ``endpoint`` and ``registry`` are its last, or empty.

    ``pid`` is None for a server in a container, whose name is ``container``. ``requests`` counts API operations by
    name and registry requests by method and kind (``GET blob``, ``PUT manifest``), of all registries. ``registries``
    has ``account``, ``region`` and ``registry`` (host:port) of each, the default one first; it is empty while it
    is stopped. ``hangs`` tells a process that serves the folder but does not answer, which ``down`` ends.
    ``repositories``, ``images`` and ``bytes`` are what all registries hold together, running or stopped; None where
    that can't be read. ``is_other_version`` tells a server that was started from other code than this.
    """

    running: bool
    endpoint: str
    registry: str
    account: str
    region: str
    pid: int | None
    root: Path
    container: str | None = None
    requests: dict[str, int] = field(default_factory=dict)
    registries: list[dict[str, str]] = field(default_factory=list)
    hangs: bool = False
    repositories: int | None = 0
    images: int | None = 0
    bytes: int | None = 0
    is_other_version: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object with the same members."""
        return {**asdict(self), "root": str(self.root)}


def default_root() -> Path:
    """Return ``$XDG_DATA_HOME/ecr-tasks/local``, or the same under ``~/.local/share`` without it.

    Raises LocalEcrError for a user without a home.
    """
    base = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification: a relative path is invalid and to be ignored.
    try:
        folder = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share"
    except RuntimeError:  # a user without an entry in passwd, as in a container, and without HOME
        raise LocalEcrError("This user has no home folder.", "Set HOME or XDG_DATA_HOME.") from None
    return folder / "ecr-tasks" / "local"


def status(root: Path) -> Status:
    """Return the status of the folder's server, which runs if it answers a request (a few milliseconds)."""
    root = root.expanduser().absolute()
    with folder_errors(root):
        with contextlib.suppress(FileNotFoundError):
            check_owner(root)
        state = process.read_state(root)
        return _status(root, state, process.server_status(root, state))


def up(root: Path, *, port: int | None = None, account: str | None = None, region: str | None = None) -> Status:
    """Start the folder's server if it does not run, and wait until it answers; returns its status.

    Without arguments the last port, account and region are used again, as references to images contain the port;
    the first start takes a free port. Raises LocalEcrError if the port is in use, the server runs with other
    settings than the arguments, its container does not answer, or it does not start.
    """
    with process.control(root) as (root, state, server_status):
        if server_status is not None:
            _check_settings(server_status, {"port": port, "account": account, "region": region})
            return _status(root, state, server_status)
        if state.get("container"):
            raise LocalEcrError(
                f"The local ECR was started in the container {state['container']}, which does not answer.",
                "Start the container again, or run local.down and then local.up.",
            )
        if process.is_served(root):
            raise LocalEcrError(
                f"A process serves {root} but does not answer.", "Run local.down, and then local.up again."
            )
        port = _free_port(state, port)
        account = account or state.get("account") or DEFAULT_ACCOUNT
        region = region or state.get("region") or DEFAULT_REGION
        server_status = process.start(root, port, account, region)
        state = {"port": _port(server_status["endpoint"]), "account": account, "region": region}
        process.write_state(root, state)
        return _status(root, state, server_status)


def down(root: Path) -> bool:
    """Stop the folder's server; returns whether it was running. Requests under way have five seconds to finish.

    A server in a container is stopped too, and the container's name is no longer recorded; the caller reads it
    before (``status(root).container``) and removes the container. Raises LocalEcrError if a process does not end.
    """
    with process.control(root) as (root, state, server_status):
        if state.get("container"):
            if server_status is not None:
                process.command(root, server_status["endpoint"], STOP_PATH)
            process.write_state(root, {name: state[name] for name in ("port", "account", "region") if name in state})
            return server_status is not None
        if server_status is None and not process.is_served(root):
            return False
        _stop(root, server_status)
        return True


def reset(root: Path) -> None:
    """Empty the store and the access log; the port stays the same. Works whether or not the server runs.

    A store that is damaged, of another version, or on a full disk is emptied too; a server that cannot do that itself
    is started again with an empty one. Raises LocalEcrError if there is a server that does not answer.
    """
    with process.control(root) as (root, state, server_status):
        if server_status is not None:
            if process.command(root, server_status["endpoint"], RESET_PATH):
                return
            if state.get("container"):
                raise LocalEcrError(
                    f"The local ECR in the container {state['container']} could not be emptied.",
                    "Run local.down, and then local.reset again.",
                )
            _stop(root, server_status)
        elif state.get("container") or process.is_served(root):
            raise stored.no_answer("it cannot be emptied")
        with process.serving_lock(root):
            from .registries import FILE, forget_registries  # slow to load, and rarely needed

            for name in _STORE_FILES:
                remove(root / name)
            forget_registries(root / FILE)
        if server_status is not None:
            port = _port(server_status["endpoint"])
            process.start(root, port, server_status["account"], server_status["region"])


def _stop(root: Path, server_status: dict[str, Any] | None) -> None:
    """End the folder's server. Raises LocalEcrError if it does not end."""
    if server_status is not None:
        process.command(root, server_status["endpoint"], STOP_PATH)
    if process.wait_for_end(root, _STOP_SECONDS):
        return
    if not (process.kill(root) and process.wait_for_end(root, _STOP_SECONDS)):
        raise LocalEcrError(
            f"The local ECR that serves {root} does not end.", f"End the process that has {root / LOCK_FILE} open."
        )


def adopt(root: Path, *, endpoint: str, container: str) -> Status:
    """Record a server that runs in a container, once it answers at ``endpoint``.

    It must have been started with ``--advertise`` set to the endpoint's host and port. Raises LocalEcrError if
    it does not answer within 15 seconds, or if the folder has a server already.
    """
    endpoint = endpoint.rstrip("/")
    with process.control(root) as (root, state, current):
        deadline = time.monotonic() + _ADOPT_SECONDS
        while (server_status := process.status(endpoint)) is None:
            if time.monotonic() > deadline:
                raise LocalEcrError(
                    f"The local ECR in the container {container} does not answer at {endpoint}.",
                    f"Look at the container's log: docker logs {container}",
                )
            time.sleep(0.05)
        if current is not None and current["store"] != server_status["store"]:
            raise LocalEcrError(f"A local ECR serves {root} already.", "Run local.down first.")
        state = {name: server_status[name] for name in ("account", "region", "store")}
        state.update(port=_port(endpoint), container=container, endpoint=endpoint)
        process.write_state(root, state)
        return _status(root, state, server_status)


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


def _status(root: Path, state: dict[str, Any], server_status: dict[str, Any] | None) -> Status:
    container = state.get("container")
    if server_status is not None:
        values = {name: server_status[name] for name in ("endpoint", "registry", "account", "region", "requests")}
        pid = None if container else server_status["pid"]
        registries = server_status.get("registries", [])
        values.update((name, server_status.get(name)) for name in stored.NUMBERS)
        values["is_other_version"] = server_status.get("code") != code.digest()
        return Status(running=True, pid=pid, root=root, container=container, registries=registries, **values)
    registry = f"127.0.0.1:{state['port']}" if state.get("port") else ""
    account, region = stored.default_registry(state)
    hangs = not container and process.is_served(root)
    return Status(
        running=False,
        endpoint=f"http://{registry}" if registry else "",
        registry=registry,
        account=account,
        region=region,
        pid=None,
        root=root,
        container=container,
        hangs=hangs,
        **(dict.fromkeys(stored.NUMBERS) if hangs or container else stored.total(root, state)),
    )


def _check_settings(server_status: dict[str, Any], settings: dict[str, Any]) -> None:
    """Raise LocalEcrError if a running server has other settings than ``settings``; None is not compared."""
    current = {**server_status, "port": _port(server_status["endpoint"])}
    for name, value in settings.items():
        if value and value != current[name]:
            raise LocalEcrError(
                f"The local ECR runs already, with {name} {current[name]} and not {value}.", "Run local.down first."
            )


def _free_port(state: dict[str, Any], port: int | None) -> int:
    """Return the port to bind; 0 for any free one. Raises LocalEcrError if another program uses it."""
    last_port = state.get("port")
    wanted_port = int(port or last_port or 0)
    if not wanted_port or process.port_is_free(wanted_port):
        return wanted_port
    if wanted_port == last_port:
        raise LocalEcrError(
            f"Port {wanted_port}, where this local ECR was before, is taken by another program.",
            "Stop that program, or give another port; references to images name the port, so old ones end.",
        )
    raise LocalEcrError(f"Port {wanted_port} is taken by another program.", "Choose another port.")
