"""All registries of one local ECR together."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time

from . import replication_rules
from .auth import Tokens
from .constants import PUBLIC_REGION
from .errors import EcrError
from .files import replace_file
from .json_text import parse_json
from .misbehaviour import Misbehaviour
from .names import is_account
from .regions import is_like_region
from .registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .http.connection import Log
    from .http.limits import Limits
    from .other_registry import OtherRegistry
    from .replicator import Replicator


FILE = "registries.json"

MAX_OTHERS = 64
"""The largest number of other registries: each has a port, a thread and a database."""


class Registries:
    """All registries of one local ECR: ``default``, and the others, which are created when needed.

    ``host`` is the address at which other registries get ports; None where the default one's port is the only one
    that clients reach. The public registry is that of ``PUBLIC_REGION``. The others' ports are stored in
    the data folder, as references to images contain the port.
    """

    def __init__(
        self,
        root: Path,
        *,
        account: str,
        region: str,
        address: str,
        host: str | None,
        public_alias: str,
        limits: Limits,
    ) -> None:
        self.root = root
        self.host = host
        self.limits = limits
        self.public_alias = public_alias
        tokens = Tokens(root)
        self.default = Registry(root, self, account=account, region=region, address=address, tokens=tokens)
        self.misbehaviour = Misbehaviour(root)
        self._file = root / FILE
        self._others: dict[tuple[str, str], OtherRegistry] = {}
        self._lock = threading.Lock()
        self._replicator: Replicator | None = None
        self._replicator_lock = threading.Lock()

    def listen(self, log: Log) -> None:
        """Serve the other registries that an earlier run created, at their ports, and resume replication."""
        self._log = log
        for account, region, port, exists in _read_entries(self._file):
            other = self._add(account, region)
            other.port, other.exists = port, exists
            if other.is_served:
                try:
                    other.listen()
                except OSError as error:
                    # The other registries work without it; it is tried again when it is needed.
                    message = f"local ECR: {other.address} for {other.account}, {other.region}: {error}\n"
                    os.write(2, message.encode())
        self.resume_replication(self.default)

    def resume_replication(self, source: Registry) -> None:
        """Copy the images that were pending in a registry when it was last closed."""
        if replication_rules.exist(source):
            self.replicate(source)

    def replicate(self, source: Registry) -> None:
        """Copy the pending images of a registry to the destinations of its rules, in the background."""
        with self._replicator_lock:
            if self._replicator is None:
                from .replicator import Replicator

                self._replicator = Replicator(self)
        self._replicator.wake(source)

    def find(self, account: str, region: str) -> Registry | None:
        """Return a registry, or None if there is none. Raises ServerException if its port is taken."""
        if (account, region) == (self.default.account, self.default.region):
            return self.default
        other = self._others.get((account, region))
        if other is None or not other.is_served:
            return None
        with self._lock:
            self._listen(other)
        return other.open()

    def create(self, account: str, region: str) -> Registry:
        """Return a registry, created if there is none.

        Raises NotImplementedException, ServerException, and LimitExceededException where there are too many.
        """
        registry = self.find(account, region)
        if registry is not None:
            return registry
        self.check_reachable(account, region)
        with self._lock:
            other = self._others.get((account, region)) or self._add(account, region)
            self._listen(other)
            if not other.exists:
                other.exists = True
                self._write()
        return other.open()

    def check_reachable(self, account: str, region: str) -> None:
        """Raise NotImplementedException where clients could not reach a registry of this account and region."""
        if self.host is None:
            raise EcrError(
                "NotImplementedException",
                f"This local ECR has one port for clients, as in a container, so it has only the registry "
                f"'{self.default.account}' in {self.default.region}, and not '{account}' in {region}.",
                status=501,
            )

    def describe(self) -> list[dict[str, str]]:
        """Return ``account``, ``region`` and ``registry`` (host:port) of each registry, the default one first."""
        with self._lock:
            others = [other for other in self._others.values() if other.is_served]
        registries: list[Registry | OtherRegistry] = [self.default, *others]
        return [{"account": one.account, "region": one.region, "registry": one.address} for one in registries]

    def all(self) -> list[Registry]:
        """Return every registry that is served, the default one first. Raises ServerException if a port is taken."""
        places = [(one["account"], one["region"]) for one in self.describe()]
        return [registry for registry in (self.find(*place) for place in places) if registry is not None]

    def opened(self) -> list[Registry]:
        """Return the registries whose stores are open, the default one first."""
        with self._lock:
            others = [other.opened for other in self._others.values() if other.exists]
        return [self.default, *(registry for registry in others if registry is not None)]

    def sweep(self) -> None:
        """Clean up all stores that are open; the closed ones have not changed. Close registries that nobody uses."""
        with self._lock:
            unused = [other for other in self._others.values() if other.close_unused()]
            if unused:
                self._write()
            registries = [self.default, *(other.opened for other in self._others.values())]
        for registry in registries:
            if registry is not None:
                registry.store.sweep()

    def reset(self) -> None:
        """Empty all registries, and forget all but the default one, except their ports."""
        with contextlib.nullcontext() if self._replicator is None else self._replicator.copy_lock, self._lock:
            for other in self._others.values():
                other.reset()
            if self._others:
                self._write()
            self.default.store.reset()

    def stop(self, grace: float) -> None:
        """Stop replication, and let the other registries' requests under way finish for ``grace`` seconds."""
        if self._replicator is not None:
            self._replicator.stop()  # first, as it may create other registries
        deadline = time.monotonic() + grace
        for other in list(self._others.values()):
            other.stop(max(deadline - time.monotonic(), 0.0))

    def close(self) -> None:
        """Close all stores."""
        for other in self._others.values():
            other.close()
        self.default.close()

    def _add(self, account: str, region: str) -> OtherRegistry:
        """Return a new registry, in the place of one that was forgotten if there are too many."""
        if len(self._others) >= MAX_OTHERS:
            forgotten = next((name for name, other in self._others.items() if not other.exists), None)
            if forgotten is None:
                message = f"The local ECR has {MAX_OTHERS} registries of other accounts and regions already."
                raise EcrError("LimitExceededException", message)
            other = self._others.pop(forgotten)
            other.stop(0.0)
            other.close()
        from .other_registry import OtherRegistry  # not needed while there are none

        folder = registry_folder(self.root, account, region)
        other = self._others[account, region] = OtherRegistry(self, self._log, account, region, folder)
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

    def _write(self) -> None:
        _write_entries(
            self._file, [(other.account, other.region, other.port, other.exists) for other in self._others.values()]
        )


def _read_entries(file: Path) -> list[tuple[str, str, int, bool]]:
    """Return account, region, port and presence of each registry in a file; one that makes no sense is left out."""
    entries = []
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        for entry in parse_json(file.read_bytes())["registries"]:
            account, region, port = str(entry["account"]), str(entry["region"]), int(entry["port"])
            if is_account(account) and (is_like_region(region) or region == PUBLIC_REGION) and 0 < port < 65536:
                entries.append((account, region, port, bool(entry["present"])))
    return entries[:MAX_OTHERS]


def _write_entries(file: Path, entries: list[tuple[str, str, int, bool]]) -> None:
    names = ("account", "region", "port", "present")
    document = {"registries": [dict(zip(names, entry, strict=True)) for entry in entries]}
    replace_file(file, json.dumps(document).encode())


def served(root: Path) -> list[tuple[str, str, Path]]:
    """Return account, region and folder of the other registries that a stopped server has."""
    entries = _read_entries(root / FILE)
    return [
        (account, region, registry_folder(root, account, region)) for account, region, _, exists in entries if exists
    ]


def registry_folder(root: Path, account: str, region: str) -> Path:
    """Return the folder of another registry than the default one."""
    return root / "registries" / f"{account}.{region}"


def forget_registries(file: Path) -> None:
    """Forget the other registries of a server that is stopped, except for their ports."""
    if file.exists():
        _write_entries(file, [(account, region, port, False) for account, region, port, _ in _read_entries(file)])
