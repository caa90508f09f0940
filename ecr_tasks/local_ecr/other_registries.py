"""The further registries: other accounts and regions, each with a port and a store of its own.

Their list, with the ports, is kept in the data folder, as references to images contain the port. A store is
opened when it is first asked for something. Loaded only where there is a further registry.
"""

from __future__ import annotations

import json
import os
import threading
import time

from .auth import Tokens
from .constants import FURTHER_FILE, PUBLIC_REGION
from .distribution import blobs, routes
from .errors import EcrError
from .files import write_whole
from .http.listener import Listener
from .http.messages import text_response
from .registry import Core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .app import Application
    from .http.messages import Request, Response
    from .registry import Registries


class Place:
    """One further registry: what its port's connections talk to.

    ``present`` is False for one that a reset has forgotten: its port is kept for when it comes again.
    """

    def __init__(self, registries: Registries, application: Application, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self.port = 0
        self.present = False
        self.folder = registries.root / "registries" / f"{account}.{region}"
        self._registries = registries
        self._application = application
        self._listener: Listener | None = None
        self._core: Core | None = None
        self._lock = threading.Lock()

    @property
    def registry(self) -> str:
        """host:port."""
        host = self._registries.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def opened(self) -> Core | None:
        """The registry, if its store is open."""
        return self._core

    def listen(self) -> None:
        """Serve the port, or a free one the first time. Raises OSError."""
        if self._listener is None:
            self._listener = Listener(self._registries.host or "", self.port)
            self.port = self._listener.port
            self._listener.start(self)

    def core(self) -> Core:
        """The registry, whose store is opened the first time."""
        with self._lock:
            if self._core is None:
                for folder in (self.folder.parent, self.folder):
                    folder.mkdir(mode=0o700, exist_ok=True)
                self._core = self._made()
                self._registries.resume(self._core)
            return self._core

    def _made(self) -> Core:
        if self.region == PUBLIC_REGION:
            from .public import PublicCore

            return PublicCore(self.folder, self._registries, account=self.account, registry=self.registry)
        default = self._registries.default
        # A token is good for all accounts of its region.
        tokens = Tokens(self._registries.root, "" if self.region == default.region else self.region)
        return Core(
            self.folder,
            self._registries,
            account=self.account,
            region=self.region,
            registry=self.registry,
            tokens=tokens,
        )

    def handle(self, request: Request) -> Response:
        """Answer a request to the registry; the API has its own port."""
        request.registry = f"{self.account}/{self.region}"
        refused = self._application.refuse_page(request)
        if refused is not None:
            return refused
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return routes.handle(self.core(), request)
        if request.path.startswith("/_local/layers/"):
            return blobs.download(self.core(), request)
        answer = self.core().handle(request)
        if answer is not None:
            return answer
        text = f"ecr-tasks' local ECR, the registry of account {self.account} in {self.region}.\n"
        status = 200 if request.path == "/" and request.method in ("GET", "HEAD") else 404
        return text_response(status, text)

    def count(self, request: Request, response: Response) -> None:
        self._application.count(request, response)

    def log(self, request: Request, status: int, sent: int) -> None:
        self._application.log(request, status, sent)

    def reset(self) -> None:
        """Empty it, and forget it but for its port."""
        self.present = False
        with self._lock:
            if self._core is not None:
                self._core.store.reset()
            elif self.folder.exists():
                import shutil  # slow to load, and hardly ever needed

                shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, grace: float) -> None:
        """Serve the port no more."""
        if self._listener is not None:
            self._listener.stop(grace)
            self._listener = None

    def close(self) -> None:
        """Close the store, if it is open."""
        with self._lock:
            if self._core is not None:
                self._core.close()
                self._core = None


class Further:
    """All further registries. Those that there were before are served again at once, at their ports."""

    def __init__(self, registries: Registries, application: Application) -> None:
        self._registries = registries
        self._application = application
        self._file = registries.root / FURTHER_FILE
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str], Place] = {}
        for known in self._read():
            account, region = known["account"], known["region"]
            place = self._place(account, region)
            place.port, place.present = int(known["port"]), bool(known["present"])
            if self._is_served(place):
                try:
                    place.listen()
                except OSError as error:
                    # The others can do without it; it is tried again when it is needed.
                    os.write(2, f"local ECR: {place.registry} for {account}, {region}: {error}\n".encode())

    def find(self, account: str, region: str) -> Core | None:
        """A registry, or None if it is not there. Raises ServerException if its port is taken."""
        place = self._places.get((account, region))
        if place is None or not self._is_served(place):
            return None
        with self._lock:
            self._listen(place)
        return place.core()

    def create(self, account: str, region: str) -> Core:
        """A registry, which comes into being if it is not there. Raises ServerException if its port is taken."""
        with self._lock:
            place = self._place(account, region)
            self._listen(place)
            if not place.present:
                place.present = True
                self._write()
            return place.core()

    def shown(self) -> list[dict[str, str]]:
        """Account, region and host:port of each."""
        with self._lock:
            places = [place for place in self._places.values() if self._is_served(place)]
        return [{"account": place.account, "region": place.region, "registry": place.registry} for place in places]

    def sweep(self) -> None:
        """Tidy up the stores that are open; in the others nothing has happened."""
        for core in self.opened():
            core.store.sweep()

    def opened(self) -> list[Core]:
        """The registries whose stores are open."""
        with self._lock:
            return [place.opened for place in self._places.values() if place.opened is not None]

    def reset(self) -> None:
        """Empty and forget all, but for their ports."""
        with self._lock:
            for place in self._places.values():
                place.reset()
            self._write()

    def stop(self, grace: float) -> None:
        """Serve no port any more; requests under way have ``grace`` seconds, all together."""
        deadline = time.monotonic() + grace
        for place in self._places.values():
            place.stop(max(deadline - time.monotonic(), 0.0))

    def close(self) -> None:
        """Close all stores."""
        for place in self._places.values():
            place.close()

    def _is_served(self, place: Place) -> bool:
        """Not where no other port can be reached, nor when the default registry has been given its name."""
        default = self._registries.default
        named = (place.account, place.region) == (default.account, default.region)
        return place.present and self._registries.host is not None and not named

    def _place(self, account: str, region: str) -> Place:
        place = self._places.get((account, region))
        if place is None:
            place = self._places[account, region] = Place(self._registries, self._application, account, region)
        return place

    def _listen(self, place: Place) -> None:
        try:
            place.listen()
        except OSError as error:
            raise EcrError(
                "ServerException",
                f"The local ECR cannot serve the registry of account {place.account} in {place.region} at "
                f"{place.registry}, where it was before: {error.strerror}. Stop what uses the port, or remove the "
                f"entry from {self._file}; references to its images name the port, so old ones end.",
                status=500,
            ) from None

    def _read(self) -> list[dict[str, Any]]:
        try:
            found = json.loads(self._file.read_bytes())
            listed: list[dict[str, Any]] = found["registries"]
        except (FileNotFoundError, ValueError):
            return []
        return listed

    def _write(self) -> None:
        known = [
            {"account": place.account, "region": place.region, "port": place.port, "present": place.present}
            for place in self._places.values()
        ]
        write_whole(self._file, json.dumps({"registries": known}).encode())
