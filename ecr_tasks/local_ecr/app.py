"""The application: it answers all paths of the default registry's port and keeps the access log of all ports."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading

from .access_log import AccessLog
from .auth import Denied
from .constants import ADMIN_HEADER, RESET_PATH, STATUS_PATH, STOP_PATH
from .distribution import blobs, routes
from .ecr_api import dispatch
from .http.messages import Request, Response, json_response, text_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .registries import Registries


class App:
    """Answer the requests to the default registry's port: the API, STS, the registry, administration."""

    def __init__(self, registries: Registries, on_stop: Callable[[], None] | None) -> None:
        self.registries = registries
        self._registry = registry = registries.default
        self._on_stop = on_stop
        self.access_log = AccessLog(registry.root / "access.jsonl", registry.store.db, registry.name)
        self._sweep_lock = threading.Lock()

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return routes.handle(self._registry, request)
        if request.path == "/":
            if request.method == "POST":
                return dispatch.handle(self.registries, request)
            registry = self._registry
            return text_response(200, f"ecr-tasks' local ECR, account {registry.account}, {registry.region}.\n")
        if request.path.startswith(blobs.DOWNLOAD_PATH):
            return blobs.download(self._registry, request)
        if request.path == STATUS_PATH and request.method == "GET":
            return json_response(200, self._status())
        if request.path in (RESET_PATH, STOP_PATH) and request.method == "POST":
            return self._administer(request)
        return text_response(404, f"The local ECR has nothing at {request.path}.")

    def _administer(self, request: Request) -> Response:
        try:
            self._registry.tokens.check_admin_token(request.headers.get(ADMIN_HEADER), request.path)
        except Denied as error:
            return text_response(403, error.message)
        if request.path == RESET_PATH:
            self.reset()
        elif self._on_stop is None:
            return text_response(403, "This local ECR is stopped by the program that it runs in.")
        else:
            self._on_stop()
        return json_response(200, {})

    def reset(self) -> None:
        """Empty all registries and the access log."""
        with self._sweep_lock:
            self.registries.reset()
            self.access_log.clear()

    def sweep(self) -> None:
        """Tidy up the stores and save the counts. An error is written to stderr."""
        with self._sweep_lock:
            try:
                self.registries.sweep()
                self.access_log.save_counts()
            except Exception as error:
                os.write(2, f"local ECR: {error!r} while tidying up\n".encode())

    def close(self) -> None:
        """Close the access log and all stores."""
        with self._sweep_lock:
            self.access_log.close()
            self.registries.close()

    def _status(self) -> dict[str, Any]:
        registry = self._registry
        requests: dict[str, int] = {}
        with contextlib.suppress(OSError, sqlite3.Error):  # a damaged store: the server still has a status
            requests = self.access_log.counts.total()
        return {
            "store": registry.tokens.store_id,
            "pid": os.getpid(),
            "endpoint": registry.endpoint,
            "registry": registry.address,
            "account": registry.account,
            "region": registry.region,
            "registries": self.registries.describe(),
            "requests": requests,
        }
