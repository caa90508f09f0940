"""Every path that the local ECR answers, and the accounts it keeps of its answers."""

from __future__ import annotations

import os
import threading

from .access_log import AccessLog
from .auth import NOT_AUTHORIZED
from .constants import ADMIN_HEADER, RESET_PATH, STATUS_PATH, STOP_PATH
from .distribution import blobs, routes
from .ecr_api import dispatch
from .http.messages import Request, Response, json_response, text_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .registry import Registries


class Application:
    """What the listener's connections talk to."""

    def __init__(self, registries: Registries, on_stop: Callable[[], None] | None) -> None:
        self.registries = registries
        self._core = core = registries.default
        self._on_stop = on_stop
        self.access = AccessLog(core.root / "access.jsonl", core.store.db, core.place)
        self._sweeping = threading.Lock()

    def handle(self, request: Request) -> Response:
        refused = self.refuse_page(request)
        if refused is not None:
            return refused
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return routes.handle(self._core, request)
        if request.path == "/":
            if request.method == "POST":
                return dispatch.handle(self.registries, request)
            return text_response(200, f"ecr-tasks' local ECR, account {self._core.account}, {self._core.region}.\n")
        if request.path.startswith("/_local/layers/"):
            return blobs.download(self._core, request)
        if request.path == STATUS_PATH and request.method == "GET":
            return json_response(200, self._status())
        if request.path in (RESET_PATH, STOP_PATH) and request.method == "POST":
            return self._administer(request)
        return text_response(404, f"The local ECR has nothing at {request.path}.")

    def refuse_page(self, request: Request) -> Response | None:
        """The answer to a web page: registry clients send no Origin; it does, and has no business here."""
        if request.method not in ("GET", "HEAD") and "origin" in request.headers:
            return text_response(403, "A web page may not use the local ECR.")
        return None

    def _administer(self, request: Request) -> Response:
        wish = request.path.rpartition("/")[2]
        if request.headers.get(ADMIN_HEADER.lower()) != wish:
            return text_response(403, NOT_AUTHORIZED)
        if request.path == RESET_PATH:
            self.reset()
        elif self._on_stop is None:
            return text_response(403, "This local ECR is stopped by the program that it runs in.")
        else:
            self._on_stop()
        return json_response(200, {})

    def count(self, request: Request, response: Response) -> None:
        del response  # refused requests count as well
        self.access.count(request)

    def log(self, request: Request, status: int, sent: int) -> None:
        if request.path not in (STATUS_PATH, RESET_PATH, STOP_PATH):
            self.access.write(request, status, sent)

    def reset(self) -> None:
        with self._sweeping:
            self.registries.reset()
            self.access.clear()

    def maintain(self) -> None:
        with self._sweeping:
            try:
                self.registries.sweep()
                self.access.save()
            except Exception as error:
                os.write(2, f"local ECR: {error!r} while tidying up\n".encode())

    def close(self) -> None:
        with self._sweeping:
            self.access.close()
            self.registries.close()

    def _status(self) -> dict[str, Any]:
        core = self._core
        return {
            "store": core.tokens.store_id,
            "pid": os.getpid(),
            "endpoint": core.endpoint,
            "registry": core.registry,
            "account": core.account,
            "region": core.region,
            "registries": self.registries.shown(),
            "requests": self.access.counts(),
        }
