"""A local ECR in the background: start, stop, look at and empty the one that serves a folder.

``up`` starts a process of its own, which lives until ``down``. ``adopt`` records one that somebody runs in a
container instead; ``status``, ``reset`` and ``up`` then talk to it over HTTP. The counts of ``Status.requests``
are kept by the server with its data: they survive a restart and begin anew with ``reset``.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import process
from .constants import DEFAULT_ACCOUNT, DEFAULT_REGION, RESET_PATH, SERVING_FILE, STATUS_PATH, STOP_PATH
from .errors import LocalEcrError

__all__ = ["LocalEcrError", "Status", "adopt", "default_root", "down", "reset", "status", "up"]

_STOP_SECONDS = 10.0
_ADOPT_SECONDS = 15.0


@dataclass(frozen=True)
class Status:
    """A folder's local ECR. While it is not running, ``endpoint`` and ``registry`` are where it was, or empty.

    ``pid`` is None for a server in a container, whose name is ``container``. ``requests`` counts API operations by
    name and registry requests by method and kind (``GET blob``, ``PUT manifest``), of all registries. ``registries``
    has ``account``, ``region`` and ``registry`` (host:port) of each, the default one first; none while it is not
    running.
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

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return {**asdict(self), "root": str(self.root)}


def default_root() -> Path:
    """``$XDG_DATA_HOME/ecr-tasks/local``, or under ``~/.local/share`` without it."""
    base = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification: a relative path is invalid and to be ignored.
    folder = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share"
    return folder / "ecr-tasks" / "local"


def status(root: Path) -> Status:
    """Whether the folder's server runs, and where: proved by its answer, not by a pid file. A few milliseconds."""
    root = _absolute(root)
    state = process.read_state(root)
    return _status(root, state, process.ping(root, state))


def up(root: Path, *, port: int | None = None, account: str | None = None, region: str | None = None) -> Status:
    """Start the folder's server if it does not run, and return when it answers.

    The port, account and region of the last time are used again unless others are given: references to images
    contain the port. The first time a free port is taken. Raises LocalEcrError: the port is taken, the
    server runs with other settings than those given, its container does not answer, or it does not start.
    """
    root = _absolute(root)
    with process.alone(root):
        state = process.read_state(root)
        said = process.ping(root, state)
        if said is not None:
            return _running(root, state, said, port, account, region)
        if state.get("container"):
            raise LocalEcrError(
                f"The local ECR was started in the container {state['container']}, which does not answer.",
                "Start the container again, or run local.down and then local.up.",
            )
        if process.is_held(root):
            raise LocalEcrError(
                f"A process serves {root} but does not answer.", "Run local.down, and then local.up again."
            )
        chosen = _free_port(state, port)
        account = account or state.get("account") or DEFAULT_ACCOUNT
        region = region or state.get("region") or DEFAULT_REGION
        said = process.spawn(root, chosen, account, region)
        state = {"port": _port(said["endpoint"]), "account": account, "region": region}
        process.write_state(root, state)
        return _status(root, state, said)


def down(root: Path) -> bool:
    """Stop the folder's server; whether it was running. Requests under way have five seconds to finish.

    One in a container ends as well, and is forgotten; the container is its caller's to remove: read its name
    from ``status(root).container`` before. Raises LocalEcrError if a process does not end.
    """
    root = _absolute(root)
    with process.alone(root):
        state = process.read_state(root)
        said = process.ping(root, state)
        if state.get("container"):
            if said is not None:
                process.ask(said["endpoint"], STOP_PATH, "stop")
            process.write_state(root, _without_container(state))
            return said is not None
        if said is not None:
            process.ask(said["endpoint"], STOP_PATH, "stop")
        elif not process.is_held(root):
            return False
        if not process.wait_until_gone(root, _STOP_SECONDS):
            pid = process.read_json(root / SERVING_FILE).get("pid")
            if isinstance(pid, int):
                process.kill(pid)
            if not process.wait_until_gone(root, _STOP_SECONDS):
                raise LocalEcrError(f"The local ECR that serves {root} does not end.", "End the process by hand.")
        return True


def reset(root: Path) -> None:
    """Forget everything in the store, and the log; the port stays. Works whether or not the server runs.

    Raises LocalEcrError if there is a server that does not answer.
    """
    root = _absolute(root)
    with process.alone(root):
        state = process.read_state(root)
        said = process.ping(root, state)
        if said is not None:
            if process.ask(said["endpoint"], RESET_PATH, "reset") is None:
                raise LocalEcrError("The local ECR could not be emptied.", f"Look at {root / process.LOG_FILE}.")
            return
        if state.get("container") or process.is_held(root):
            raise LocalEcrError(
                "The local ECR does not answer, so it cannot be emptied.", "Run local.down, and then try again."
            )
        from .server import LocalEcr  # its imports are the server's

        with LocalEcr(root) as server:
            server.reset()
        (root / SERVING_FILE).unlink(missing_ok=True)


def adopt(root: Path, *, endpoint: str, container: str) -> Status:
    """Record a server that runs in a container, once it answers at ``endpoint``.

    It must have been started with ``--advertise`` set to the endpoint's host and port. Raises LocalEcrError if
    it does not answer within 15 seconds, or if the folder has a server already.
    """
    root = _absolute(root)
    endpoint = endpoint.rstrip("/")
    with process.alone(root):
        state = process.read_state(root)
        before = process.ping(root, state)
        deadline = time.monotonic() + _ADOPT_SECONDS
        while (said := process.ask(endpoint, STATUS_PATH)) is None:
            if time.monotonic() > deadline:
                raise LocalEcrError(
                    f"The local ECR in the container {container} does not answer at {endpoint}.",
                    f"Look at the container's log: docker logs {container}",
                )
            time.sleep(0.05)
        if before is not None and before["store"] != said["store"]:
            raise LocalEcrError(f"A local ECR serves {root} already.", "Run local.down first.")
        state = {
            "port": _port(endpoint),
            "account": said["account"],
            "region": said["region"],
            "container": container,
            "endpoint": endpoint,
            "store": said["store"],
        }
        process.write_state(root, state)
        return _status(root, state, said)


def _absolute(root: Path) -> Path:
    return Path(root).expanduser().absolute()


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


def _without_container(state: dict[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in ("port", "account", "region") if name in state}


def _status(root: Path, state: dict[str, Any], said: dict[str, Any] | None) -> Status:
    container = state.get("container")
    if said is None:
        registry = f"127.0.0.1:{state['port']}" if state.get("port") else ""
        return Status(
            running=False,
            endpoint=f"http://{registry}" if registry else "",
            registry=registry,
            account=state.get("account") or DEFAULT_ACCOUNT,
            region=state.get("region") or DEFAULT_REGION,
            pid=None,
            root=root,
            container=container,
        )
    return Status(
        running=True,
        endpoint=said["endpoint"],
        registry=said["registry"],
        account=said["account"],
        region=said["region"],
        pid=None if container else said["pid"],
        root=root,
        container=container,
        requests=said["requests"],
        registries=said.get("registries", []),
    )


def _running(
    root: Path,
    state: dict[str, Any],
    said: dict[str, Any],
    port: int | None,
    account: str | None,
    region: str | None,
) -> Status:
    """The status of a server that runs already. Raises LocalEcrError if it is not what was asked for."""
    found = {"port": _port(said["endpoint"]), "account": said["account"], "region": said["region"]}
    wanted = {"port": port, "account": account, "region": region}
    for name, value in wanted.items():
        if value and value != found[name]:
            raise LocalEcrError(
                f"The local ECR runs already, with {name} {found[name]} and not {value}.",
                "Run local.down first.",
            )
    return _status(root, state, said)


def _free_port(state: dict[str, Any], port: int | None) -> int:
    """The port to bind; 0 for any. Raises LocalEcrError if it is taken."""
    remembered = state.get("port")
    wanted = port or remembered or 0
    if wanted and not process.port_is_free(wanted):
        if wanted == remembered:
            raise LocalEcrError(
                f"Port {wanted}, where this local ECR was before, is taken by another program.",
                "Stop that program, or give another port; references to images name the port, so old ones end.",
            )
        raise LocalEcrError(f"Port {wanted} is taken by another program.", "Choose another port.")
    return int(wanted)
