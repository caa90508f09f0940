"""The local ECR: one port that serves the ECR API, STS and the registry from one folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

from .app import App
from .constants import DEFAULT_ACCOUNT, DEFAULT_REGION, LOCK_FILE, PUBLIC_ALIAS, SERVING_FILE
from .errors import EcrError, LocalEcrError
from .files import make_private, open_lock, remove, replace_file
from .http.head import host_name
from .http.limits import Limits
from .http.listener import Listener
from .names import is_account, is_alias
from .regions import is_like_region, is_region
from .registries import Registries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PORT = re.compile(r":[0-9]{1,5}\Z")
_SWEEP_SECONDS = 300.0
_WATCH_SECONDS = 1.0
_STOP_SECONDS = 5.0
_LOCK_ATTEMPTS = 20


class LocalEcr:
    """A local ECR, to be started and stopped, or used as a context manager.

    ``root`` is created if it is missing; only one server at a time can use it. ``port`` 0 takes a free one.
    ``advertise`` is the host:port to hand out where it is not the one that is bound (a container): then there is no
    other registry, as clients could reach no other port. ``on_stop`` is called when a client asks the server over
    HTTP to stop, which is refused without it.

    ``account`` and ``region`` are the default registry's, at ``registry``. Other registries are created when a client
    creates a repository with another ``registryId`` or signs for another region; each has a port of its own. The
    public one has a port too; its region is "public" here. It is created by the first call to ecr-public, and its
    repositories have ``public_alias`` before their names.
    """

    def __init__(
        self,
        root: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
        advertise: str | None = None,
        public_alias: str = PUBLIC_ALIAS,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        if not is_account(account):
            raise LocalEcrError(f"{account!r} is not an AWS account id.", "Give one of 12 digits.")
        if not is_region(region) and not is_like_region(region):
            raise LocalEcrError(f"{region!r} is not a region of AWS.", "Give one such as 'eu-west-1'.")
        if advertise is not None and not (host_name(advertise) and _PORT.search(advertise)):
            raise LocalEcrError(f"{advertise!r} is no host with a port.", "Give one such as 'ecr:5000'.")
        if not is_alias(public_alias):
            raise LocalEcrError(f"{public_alias!r} cannot be a public registry's alias.", "Give one such as 'team'.")
        self.root = Path(root)
        self.account = account
        self.region = region
        self._host = host
        self._port = port
        self._advertise = advertise
        self._public_alias = public_alias
        self._on_stop = on_stop
        self._misbehaviour: list[dict[str, Any]] = []
        self._app: App | None = None
        self._listener: Listener | None = None
        self._lock_fd = -1
        self._serving = b""
        self._stopped = threading.Event()
        self._stop_lock = threading.Lock()
        self._sweep_thread: threading.Thread | None = None

    @property
    def registry(self) -> str:
        """Return host:port, the first part of an image's reference."""
        if self._advertise is not None:
            return self._advertise
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self.port}"

    @property
    def port(self) -> int:
        """Return the port that is bound."""
        return self._port if self._listener is None else self._listener.port

    @property
    def endpoint(self) -> str:
        """Return the URL of the API and of the registry."""
        return f"http://{self.registry}"

    def start(self) -> None:
        """Open the store and serve, in threads of their own. Raises LocalEcrError."""
        make_private(self.root)
        self._take_root()
        try:
            limits = Limits(self.root / "uploads")
            self._listener = self._bind(limits)
            registries = Registries(
                self.root,
                account=self.account,
                region=self.region,
                address=self.registry,
                host=self._host if self._advertise is None else None,
                public_alias=self._public_alias,
                limits=limits,
            )
        except BaseException:
            self.stop()
            raise
        self._app = App(registries, self._on_stop)
        store = registries.default.tokens.store_id
        serving = {"store": store, "pid": os.getpid(), "endpoint": self.endpoint, "port": self.port}
        self._serving = json.dumps(serving).encode()
        replace_file(self.root / SERVING_FILE, self._serving)
        registries.listen(self._app.access_log)
        self._listener.start(self._app.handle, self._app.access_log)
        self._stopped.clear()
        self._sweep_thread = threading.Thread(target=self._sweep, name="local-ecr-sweep", daemon=True)
        self._sweep_thread.start()

    def stop(self) -> None:
        """Finish the requests under way (5 seconds at most) and close everything."""
        self._stopped.set()
        with self._stop_lock:
            if self._listener is not None:
                self._listener.stop(_STOP_SECONDS)
                self._port = self._listener.port  # a second start uses the same port
                self._listener = None
            if self._app is not None:
                self._app.registries.stop(_STOP_SECONDS)
            if self._sweep_thread is not None:
                self._sweep_thread.join()
                self._sweep_thread = None
            if self._app is not None:
                self._app.close()
                self._app = None
            self._release_root()

    def __enter__(self) -> LocalEcr:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def registries(self) -> list[dict[str, str]]:
        """Return ``account``, ``region`` and ``registry`` (host:port) of each registry, the default one first."""
        return self._running().registries.describe()

    def requests(self, account: str | None = None, region: str | None = None) -> dict[str, int]:
        """Return the number of calls of each API operation, and of each method on each kind of registry request.

        A key is an operation (``PutImage``) or a method and a kind (``GET blob``, ``PUT manifest``). The
        counts are of all registries, of an account's, of a region's, or of one registry.
        """
        return self._running().access_log.counts.total(account, region)

    def environment(self) -> dict[str, str]:
        """Return the variables that point boto3, the aws CLI and ecr-tasks to this server. The keys are dummies."""
        return {
            **{f"AWS_ENDPOINT_URL_{service}": self.endpoint for service in ("ECR", "ECR_PUBLIC", "STS")},
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "AKIALOCALECRLOCALECR",
            "AWS_SECRET_ACCESS_KEY": "local-ecr",
        }

    def set_findings(self, rules: list[dict[str, Any]]) -> None:
        """Set what scans find from now on (see ``scanner``); the same as writing ``findings.json``."""
        from .findings_file import FILE, check_rules

        replace_file(self.root / FILE, json.dumps(check_rules(rules)).encode())

    def set_signing(self, rules: list[dict[str, Any]]) -> None:
        """Set what managed signing comes to from now on (see ``signer``); the same as writing ``signing.json``."""
        from .signer import FILE, check_signing_rules

        replace_file(self.root / FILE, json.dumps(check_signing_rules(rules)).encode())

    def set_replication(self, *, delay: float = 0.0, fail: dict[str, str] | None = None) -> None:
        """Set how many seconds replications stay IN_PROGRESS, and which fail: failure codes by region (a wildcard).

        The same as writing ``replication.json`` (see ``replicator``); it applies to pending replications too.
        """
        from .replicator import FILE, check_simulation

        simulation = check_simulation({"delay": delay, "fail": fail or {}})
        replace_file(self.root / FILE, json.dumps(simulation).encode())

    def misbehave(
        self, request: str = "*", how: str | None = None, *, times: int | None = None, seconds: float = 0.0
    ) -> None:
        """Let requests fail or take long from now on, besides those that misbehave already (see ``misbehaviour``).

        ``request`` is a wildcard for an operation (``PutImage``) or for a method and a kind (``PUT manifest``),
        ``how`` is throttle, error, deny or quota. The same as adding a rule to ``misbehaviour.json``.
        """
        from .misbehaviour import FILE, check_rules

        rule = {"request": request, "how": how, "times": times, "seconds": seconds}
        self._misbehaviour.append({name: value for name, value in rule.items() if value is not None})
        try:
            check_rules(self._misbehaviour)
        except EcrError:
            self._misbehaviour.pop()
            raise
        replace_file(self.root / FILE, json.dumps(self._misbehaviour).encode())

    def behave(self) -> None:
        """Answer every request as it should be answered from now on."""
        from .misbehaviour import FILE

        self._misbehaviour.clear()
        remove(self.root / FILE)

    def reset(self) -> None:
        """Delete everything that was pushed or set, and empty the access log."""
        self._running().reset()

    def _running(self) -> App:
        if self._app is None:
            raise LocalEcrError("The local ECR is not running.", "Start it first.")
        return self._app

    def _bind(self, limits: Limits) -> Listener:
        names = () if self._advertise is None else (host_name(self._advertise),)
        try:
            return Listener(self._host, self._port, limits, names)
        except OSError as error:
            raise LocalEcrError(
                f"The local ECR cannot listen on {self._host}:{self._port}: {error.strerror}.",
                "Stop what uses the port, or choose another one.",
            ) from error

    def _take_root(self) -> None:
        self._lock_fd = open_lock(self.root / LOCK_FILE)
        for _ in range(_LOCK_ATTEMPTS):
            try:
                fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(0.01)  # process.is_served holds it for a moment
            else:
                return
        self._release_root()
        raise LocalEcrError(f"Another local ECR serves {self.root}.", "Stop it first, or choose another folder.")

    def _release_root(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _sweep(self) -> None:
        """Tidy up now and then, and end the server when its folder is gone: nobody could find or stop it any more."""
        app = self._running()
        app.sweep()
        next_sweep = time.monotonic() + _SWEEP_SECONDS
        while not self._stopped.wait(_WATCH_SECONDS):
            if not self._has_root():
                sys.stderr.write(f"local ECR: {self.root} was removed, so this ends\n")
                # The thread that stops the server waits for this one.
                threading.Thread(target=self._on_stop or self.stop, name="local-ecr-stop").start()
                return
            with contextlib.suppress(OSError):
                self._repair_serving()
            if time.monotonic() >= next_sweep:
                app.sweep()
                next_sweep = time.monotonic() + _SWEEP_SECONDS

    def _repair_serving(self) -> None:
        """Write again how this server is found, if that was damaged or removed. Raises OSError."""
        path = self.root / SERVING_FILE
        try:
            if path.read_bytes() == self._serving:
                return
        except FileNotFoundError:
            pass
        except OSError:
            remove(path)  # a folder, or a link that leads nowhere
        replace_file(path, self._serving)

    def _has_root(self) -> bool:
        """Return whether the lock file in the folder is still the one that this server has locked."""
        try:
            return os.path.samestat((self.root / LOCK_FILE).stat(), os.fstat(self._lock_fd))
        except FileNotFoundError:
            return False
        except OSError:
            return True
