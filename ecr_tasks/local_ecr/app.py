"""The application: it answers all paths of the default registry's port and keeps the access log of all ports."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading

from . import code, contents
from .access_log import AccessLog
from .auth import Denied
from .constants import ADMIN_HEADER, RESET_PATH, STATUS_PATH, STOP_PATH
from .distribution import blobs, routes
from .ecr_api import dispatch
from .errors import EcrError, LocalEcrError
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
        self._code = code.digest()  # now: an upgrade replaces the files while this process runs

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return routes.handle(self._registry, request)
        if request.path == "/" and request.method == "POST":
            return dispatch.handle(self.registries, request)
        if request.path.startswith(blobs.DOWNLOAD_PATH):
            return blobs.download(self._registry, request)
        if request.path in (STATUS_PATH, RESET_PATH, STOP_PATH):
            request.is_logged = False
            if request.path == STATUS_PATH and request.method == "GET":
                return json_response(200, self._status())
            if request.path != STATUS_PATH and request.method == "POST":
                return self._administer(request)
        return self._look(request)

    def _look(self, request: Request) -> Response:
        """Answer a request for the page or its data, for the line of text at ``/``, or for what there is not."""
        from .page.routes import handle  # no client of a registry needs it

        response = handle(self.registries, self.access_log, request)
        if response is not None:
            return response
        if request.path == "/":
            text = f"ecr-tasks' local ECR, account {self._registry.account}, {self._registry.region}.\n"
            return text_response(200, text)
        return text_response(404, f"The local ECR has nothing at {request.path}.")

    def _administer(self, request: Request) -> Response:
        try:
            self._registry.tokens.check_admin_token(request.headers.get(ADMIN_HEADER), request.path)
        except Denied as error:
            return text_response(403, error.message)
        if request.path == RESET_PATH:
            self._reset(request.parameter("registry"), request.parameter("repository"))
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

    def _reset(self, registry: str | None, repository: str | None) -> None:
        """Empty all registries, or delete one repository of one (``account/region``), if it is there."""
        if registry is None or repository is None:
            self.reset()
            return
        account, _, region = registry.partition("/")
        found = self.registries.find(account, region)
        existing = found.store.repositories.find(repository) if found else None
        if found is not None and existing is not None:
            found.store.delete_repository(existing, force=True)

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
        held: dict[str, int] = {}
        with contextlib.suppress(OSError, sqlite3.Error):  # a damaged store: the server still has a status
            requests = self.access_log.counts.total()
        with contextlib.suppress(OSError, sqlite3.Error, EcrError, LocalEcrError):
            held = self._held()
        return {
            "store": registry.tokens.store_id,
            "pid": os.getpid(),
            "endpoint": registry.endpoint,
            "registry": registry.address,
            "account": registry.account,
            "region": registry.region,
            "code": self._code,
            "registries": self.registries.describe(),
            "requests": requests,
            **held,
        }

    def _held(self) -> dict[str, int]:
        """Return the numbers of repositories, images and bytes of all registries together."""
        totals = [contents.total(registry.store.db) for registry in self.registries.all()]
        return {name: sum(total[name] for total in totals) for name in totals[0]}
