"""A registry of another account or region than the default one, with a port and a store of its own.

This module is imported only if there is one.
"""

from __future__ import annotations

import threading
import time

from .auth import Tokens
from .constants import PUBLIC_REGION
from .distribution import blobs, routes
from .http.listener import Listener
from .http.messages import text_response
from .registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .http.connection import Log
    from .http.messages import Request, Response
    from .registry import AllRegistries


UNUSED_SECONDS = 600.0


class OtherRegistry:
    """The port of one other registry, and the registry once its store is open (``opened``).

    ``exists`` is False after a reset; the port is kept until the registry is created again.
    """

    def __init__(self, registries: AllRegistries, log: Log, account: str, region: str, folder: Path) -> None:
        self.account = account
        self.region = region
        self.port = 0
        self.exists = False
        self.folder = folder
        self.opened: Registry | None = None
        self._registries = registries
        self._log = log
        self._listener: Listener | None = None
        self._lock = threading.Lock()
        self._used = time.monotonic()

    @property
    def address(self) -> str:
        """Return the registry's host:port."""
        host = self._registries.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def is_served(self) -> bool:
        """Return whether it exists and has a port: not in a container or if the default registry now has its name."""
        default = self._registries.default
        is_default = (self.account, self.region) == (default.account, default.region)
        return self.exists and self._registries.host is not None and not is_default

    def listen(self) -> None:
        """Listen at the registry's port; the first time at a free one. Raises OSError."""
        self._used = time.monotonic()
        if self._listener is None:
            self._listener = Listener(self._registries.host or "", self.port, self._registries.limits)
            self.port = self._listener.port
            self._listener.start(self.handle, self._log)

    def open(self) -> Registry:
        """Return the registry; the first call opens its store."""
        with self._lock:
            if self.opened is None:
                for folder in (self.folder.parent, self.folder):
                    folder.mkdir(mode=0o700, exist_ok=True)
                self.opened = self._new()
                self._registries.resume_replication(self.opened)
            return self.opened

    def _new(self) -> Registry:
        registries, account, region = self._registries, self.account, self.region
        if region == PUBLIC_REGION:
            from .ecr_public import PublicRegistry

            return PublicRegistry(self.folder, registries, account=account, address=self.address)
        # A token is valid for all accounts of its region.
        tokens = Tokens(registries.root, "" if region == registries.default.region else region)
        return Registry(self.folder, registries, account=account, region=region, address=self.address, tokens=tokens)

    def handle(self, request: Request) -> Response:
        """Answer a request to the registry; the API is at the default registry's port."""
        request.registry = f"{self.account}/{self.region}"
        self._used = time.monotonic()
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return routes.handle(self.open(), request)
        if request.path.startswith(blobs.DOWNLOAD_PATH):
            return blobs.download(self.open(), request)
        response = self.open().handle(request)
        if response is not None:
            return response
        text = f"ecr-tasks' local ECR, the registry of account {self.account} in {self.region}.\n"
        return text_response(200 if request.path == "/" and request.method in ("GET", "HEAD") else 404, text)

    def reset(self) -> None:
        """Empty the registry and forget it, except for its port."""
        self.exists = False
        with self._lock:
            if self.opened is not None:
                self.opened.store.reset()
            elif self.folder.exists():
                import shutil  # slow to load, and rarely needed

                shutil.rmtree(self.folder, ignore_errors=True)

    def close_unused(self) -> bool:
        """Close an open registry without a repository that nobody has used for ten minutes; returns whether it did.

        Its port and its folder, with the registry's settings, are kept until it is created again.
        """
        if not self.exists or self.opened is None or self._used > time.monotonic() - UNUSED_SECONDS:
            return False
        if self.opened.store.repositories.all():
            return False
        self.exists = False
        self.stop(0.0)
        self.close()
        return True

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
