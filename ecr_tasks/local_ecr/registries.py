"""All registries of one local ECR together."""

from __future__ import annotations

import contextlib
import threading

from . import replication_rules
from .auth import Tokens
from .constants import OTHER_REGISTRIES_FILE
from .errors import EcrError
from .registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .access_log import AccessLog
    from .other_registries import OtherRegistries
    from .replicator import Replicator


class Registries:
    """All registries of one local ECR: ``default``, and the others, which cost nothing while there are none.

    ``host`` is the address at which other registries get ports; None where the default one's port is the only one
    that clients reach. The public registry is that of ``PUBLIC_REGION``.
    """

    def __init__(
        self, root: Path, *, account: str, region: str, address: str, host: str | None, public_alias: str
    ) -> None:
        self.root = root
        self.host = host
        self.public_alias = public_alias
        tokens = Tokens(root)
        self.default = Registry(root, self, account=account, region=region, address=address, tokens=tokens)
        self._others: OtherRegistries | None = None
        self._replicator: Replicator | None = None
        self._lock = threading.Lock()

    def listen(self, access_log: AccessLog) -> None:
        """Serve the other registries that an earlier run created, and resume replication."""
        self._access_log = access_log
        if (self.root / OTHER_REGISTRIES_FILE).exists():
            self._load_others()
        self.resume_replication(self.default)

    def resume_replication(self, source: Registry) -> None:
        """Copy what a registry had to replicate when it was last closed."""
        if replication_rules.exist(source):
            self.replicate(source)

    def replicate(self, source: Registry) -> None:
        """Copy what is pending in a registry to where its rules say, in the background."""
        with self._lock:
            if self._replicator is None:
                from .replicator import Replicator

                self._replicator = Replicator(self)
        self._replicator.wake(source)

    def find(self, account: str, region: str) -> Registry | None:
        """Return a registry, or None if there is none. Raises ServerException if its port is taken."""
        if (account, region) == (self.default.account, self.default.region):
            return self.default
        return None if self._others is None else self._others.find(account, region)

    def create(self, account: str, region: str) -> Registry:
        """Return a registry, created if there is none. Raises NotImplementedException, ServerException."""
        registry = self.find(account, region)
        if registry is not None:
            return registry
        self.check_reachable(account, region)
        return self._load_others().create(account, region)

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
        default = self.default
        description = {"account": default.account, "region": default.region, "registry": default.address}
        return [description] if self._others is None else [description, *self._others.describe()]

    def sweep(self) -> None:
        """Tidy up all stores that are open."""
        self.default.store.sweep()
        if self._others is not None:
            self._others.sweep()

    def reset(self) -> None:
        """Empty all registries, and forget the other ones except their ports."""
        with contextlib.nullcontext() if self._replicator is None else self._replicator.copy_lock:
            if self._others is not None:
                self._others.reset()
            self.default.store.reset()

    def stop(self, grace: float) -> None:
        """Stop replication, and let the other registries' requests under way finish for ``grace`` seconds."""
        if self._replicator is not None:
            self._replicator.stop()  # first, as it may create other registries
        if self._others is not None:
            self._others.stop(grace)

    def close(self) -> None:
        """Close all stores."""
        if self._others is not None:
            self._others.close()
        self.default.close()

    def _load_others(self) -> OtherRegistries:
        with self._lock:
            if self._others is None:
                from .other_registries import OtherRegistries  # not needed while there are none

                self._others = OtherRegistries(self, self._access_log)
            return self._others
