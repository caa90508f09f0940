"""The other registries: other accounts and regions than the default one's, each with a port and a store of its own.

Their list, with the ports, is kept in the data folder, as references to images contain the port. A store is
opened when it is first needed. Loaded only where there is another registry.
"""

from __future__ import annotations

import json
import os
import threading
import time

from .auth import Tokens
from .constants import OTHER_REGISTRIES_FILE, PUBLIC_REGION
from .distribution import blobs, routes
from .errors import EcrError
from .files import replace_file
from .http.listener import Listener
from .http.messages import text_response
from .registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .access_log import AccessLog
    from .http.messages import Request, Response
    from .registry import AllRegistries


class OtherRegistry:
    """The port of one other registry, and the registry once its store is open (``opened``).

    ``exists`` is False for one that a reset has forgotten: its port is kept for when it is created again.
    """

    def __init__(self, registries: AllRegistries, access_log: AccessLog, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self.port = 0
        self.exists = False
        self.folder = registries.root / "registries" / f"{account}.{region}"
        self.opened: Registry | None = None
        self._registries = registries
        self._access_log = access_log
        self._listener: Listener | None = None
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Return the registry's host:port."""
        host = self._registries.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def listen(self) -> None:
        """Serve the port, or a free one the first time. Raises OSError."""
        if self._listener is None:
            self._listener = Listener(self._registries.host or "", self.port)
            self.port = self._listener.port
            self._listener.start(self.handle, self._access_log)

    def open(self) -> Registry:
        """Return the registry, whose store is opened the first time."""
        with self._lock:
            if self.opened is None:
                for folder in (self.folder.parent, self.folder):
                    folder.mkdir(mode=0o700, exist_ok=True)
                self.opened = self._new()
                self._registries.resume_replication(self.opened)
            return self.opened

    def _new(self) -> Registry:
        if self.region == PUBLIC_REGION:
            from .ecr_public import PublicRegistry

            return PublicRegistry(self.folder, self._registries, account=self.account, address=self.address)
        default = self._registries.default
        # A token is good for all accounts of its region.
        tokens = Tokens(self._registries.root, "" if self.region == default.region else self.region)
        return Registry(
            self.folder,
            self._registries,
            account=self.account,
            region=self.region,
            address=self.address,
            tokens=tokens,
        )

    def handle(self, request: Request) -> Response:
        """Answer a request to the registry; the API is at the default registry's port."""
        request.registry = f"{self.account}/{self.region}"
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return routes.handle(self.open(), request)
        if request.path.startswith(blobs.DOWNLOAD_PATH):
            return blobs.download(self.open(), request)
        response = self.open().handle(request)
        if response is not None:
            return response
        text = f"ecr-tasks' local ECR, the registry of account {self.account} in {self.region}.\n"
        status = 200 if request.path == "/" and request.method in ("GET", "HEAD") else 404
        return text_response(status, text)

    def reset(self) -> None:
        """Empty it, and forget it except its port."""
        self.exists = False
        with self._lock:
            if self.opened is not None:
                self.opened.store.reset()
            elif self.folder.exists():
                import shutil  # slow to load, and rarely needed

                shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, grace: float) -> None:
        """Stop serving the port; requests under way have ``grace`` seconds."""
        if self._listener is not None:
            self._listener.stop(grace)
            self._listener = None

    def close(self) -> None:
        """Close the store, if it is open."""
        with self._lock:
            if self.opened is not None:
                self.opened.close()
                self.opened = None


class OtherRegistries:
    """All other registries. Those that an earlier run created are served again at once, at their ports."""

    def __init__(self, registries: AllRegistries, access_log: AccessLog) -> None:
        self._registries = registries
        self._access_log = access_log
        self._file = registries.root / OTHER_REGISTRIES_FILE
        self._lock = threading.Lock()
        self._all: dict[tuple[str, str], OtherRegistry] = {}
        for entry in self._read():
            other = self._get(entry["account"], entry["region"])
            other.port, other.exists = int(entry["port"]), bool(entry["present"])
            if self._is_served(other):
                try:
                    other.listen()
                except OSError as error:
                    # The others can do without it; it is tried again when it is needed.
                    message = f"local ECR: {other.address} for {other.account}, {other.region}: {error}\n"
                    os.write(2, message.encode())

    def find(self, account: str, region: str) -> Registry | None:
        """Return a registry, or None if there is none. Raises ServerException if its port is taken."""
        other = self._all.get((account, region))
        if other is None or not self._is_served(other):
            return None
        with self._lock:
            self._listen(other)
        return other.open()

    def create(self, account: str, region: str) -> Registry:
        """Return a registry, created if there is none. Raises ServerException if its port is taken."""
        with self._lock:
            other = self._get(account, region)
            self._listen(other)
            if not other.exists:
                other.exists = True
                self._write()
            return other.open()

    def describe(self) -> list[dict[str, str]]:
        """Return ``account``, ``region`` and ``registry`` (host:port) of each."""
        with self._lock:
            others = [other for other in self._all.values() if self._is_served(other)]
        return [{"account": other.account, "region": other.region, "registry": other.address} for other in others]

    def sweep(self) -> None:
        """Tidy up the stores that are open; in the others nothing has happened."""
        with self._lock:
            registries = [other.opened for other in self._all.values() if other.opened is not None]
        for registry in registries:
            registry.store.sweep()

    def reset(self) -> None:
        """Empty and forget all, except their ports."""
        with self._lock:
            for other in self._all.values():
                other.reset()
            self._write()

    def stop(self, grace: float) -> None:
        """Stop serving all ports; requests under way have ``grace`` seconds, all together."""
        deadline = time.monotonic() + grace
        for other in self._all.values():
            other.stop(max(deadline - time.monotonic(), 0.0))

    def close(self) -> None:
        """Close all stores."""
        for other in self._all.values():
            other.close()

    def _is_served(self, other: OtherRegistry) -> bool:
        """Return whether it has a port: not in a container, nor if the default registry now has its name."""
        default = self._registries.default
        is_default = (other.account, other.region) == (default.account, default.region)
        return other.exists and self._registries.host is not None and not is_default

    def _get(self, account: str, region: str) -> OtherRegistry:
        other = self._all.get((account, region))
        if other is None:
            other = self._all[account, region] = OtherRegistry(self._registries, self._access_log, account, region)
        return other

    def _listen(self, other: OtherRegistry) -> None:
        try:
            other.listen()
        except OSError as error:
            raise EcrError(
                "ServerException",
                f"The local ECR cannot serve the registry of account {other.account} in {other.region} at "
                f"{other.address}, where it was before: {error.strerror}. Stop what uses the port, or remove the "
                f"entry from {self._file}; references to its images name the port, so old ones end.",
                status=500,
            ) from None

    def _read(self) -> list[dict[str, Any]]:
        try:
            entries: list[dict[str, Any]] = json.loads(self._file.read_bytes())["registries"]
        except (FileNotFoundError, ValueError):
            return []
        return entries

    def _write(self) -> None:
        entries = [
            {"account": other.account, "region": other.region, "port": other.port, "present": other.exists}
            for other in self._all.values()
        ]
        replace_file(self._file, json.dumps({"registries": entries}).encode())
