"""What the API and the registry share: each registry's identity and what both offer; and all registries together."""

from __future__ import annotations

import contextlib
import threading

from . import manifests
from .auth import Tokens
from .constants import FURTHER_FILE, REPLICATION_SETTING
from .errors import EcrError, invalid
from .names import parse_repository_arn, repository_arn
from .scanning import Scanner
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .app import Application
    from .http.messages import Request, Response
    from .other_registries import Further
    from .replication import Replicator
    from .store.images import Image
    from .store.repositories import Repository


class Core:
    """One registry: ``account`` in ``region``, kept in ``root``, reached at ``registry`` (host:port)."""

    prefix = ""
    """What stands before a repository's name in the registry's paths."""

    def __init__(
        self, root: Path, registries: Registries, *, account: str, region: str, registry: str, tokens: Tokens
    ) -> None:
        self.root = root
        self.registries = registries
        self.account = account
        self.region = region
        self.place = f"{account}/{region}"
        self.registry = registry
        self.endpoint = f"http://{registry}"
        self.challenge = f'Basic realm="{self.endpoint}/",service="ecr.amazonaws.com"'
        self.tokens = tokens
        self.store = Store(root, account)
        self.scanner = Scanner(registries.root, self.store)

    def arn(self, name: str) -> str:
        """The ARN of a repository."""
        return repository_arn(name, self.account, self.region)

    def name_in(self, arn: str) -> str:
        """The repository's name in an ARN. Raises InvalidParameterException, RepositoryNotFoundException."""
        parsed = parse_repository_arn(arn)
        if parsed is None:
            raise invalid("resourceArn", "must be the ARN of a repository")
        region, account, name = parsed
        if (region, account) != (self.region, self.account):
            raise self.store.repositories.not_found(name, account)
        return name

    def authorize(self, request: Request) -> None:
        """Whether a request to the registry may go on. Raises Denied."""
        self.tokens.check_basic(request.headers.get("authorization"))

    def handle(self, request: Request) -> Response | None:
        """The answer to what only this kind of registry has; None to everything else."""
        del request
        return None

    def put_image(
        self,
        repository: Repository,
        raw: bytes,
        *,
        media_type: str | None,
        digest: str | None = None,
        tags: list[str] | None = None,
        replicate: bool = True,
    ) -> tuple[str, manifests.Manifest, bool]:
        """Store a manifest under its tags, or under none; returns digest, manifest, whether anything changed.

        Starts a scan where the repository is scanned on push, and a replication where there are rules for it, unless
        the image comes by one (``replicate``). Raises as ``manifests.parse`` and ``Images.put``.
        """
        manifest = manifests.parse(raw, media_type)
        changed = leaves = False
        with self.store.db.transaction():
            wanted: list[str | None] = [*tags] if tags else [None]
            for tag in wanted:
                found, new = self.store.images.put(repository, raw, manifest, digest, tag)
                changed = changed or new
            if changed and manifest.is_image:
                self.scanner.on_push(repository, self._image(repository, found))
            if changed and replicate and self.store.db.setting(REPLICATION_SETTING) is not None:
                from . import replication  # not needed while there are no rules

                leaves = replication.note(self, repository, self._image(repository, found), tags or [])
        if leaves:
            self.registries.replicate(self)
        return found, manifest, changed

    def _image(self, repository: Repository, digest: str) -> Image:
        image = self.store.images.find(repository, digest=digest)
        assert image is not None  # noqa: S101  (it was put in this transaction)
        return image

    def delete_repository(self, repository: Repository, *, force: bool) -> None:
        """Delete a repository and the files that no other one uses. Raises RepositoryNotEmptyException."""
        layers = self.store.layers
        with layers.files_lock:
            digests = layers.digests(repository)
            uploads = layers.uploads(repository)
            self.store.repositories.delete(repository, force=force)
            layers.drop_repository_files(digests)
            layers.discard_uploads(uploads)

    def close(self) -> None:
        """Close the store."""
        self.store.close()


class Registries:
    """All registries of one local ECR: ``default``, and the further ones, which cost nothing while there are none.

    ``host`` is the address at which further ones get ports; None where the default one's port is all there is. The
    public one is that of ``PUBLIC_REGION``.
    """

    def __init__(
        self, root: Path, *, account: str, region: str, registry: str, host: str | None, public_alias: str
    ) -> None:
        self.root = root
        self.host = host
        self.public_alias = public_alias
        self.default = Core(root, self, account=account, region=region, registry=registry, tokens=Tokens(root))
        self._further: Further | None = None
        self._replicator: Replicator | None = None
        self._lock = threading.Lock()

    def listen(self, application: Application) -> None:
        """Serve the further registries that there were before."""
        self._application = application
        if (self.root / FURTHER_FILE).exists():
            self._all_further()
        self.resume(self.default)

    def resume(self, core: Core) -> None:
        """Go on with what a registry had to replicate when it was last closed."""
        if core.store.db.setting(REPLICATION_SETTING) is not None:
            self.replicate(core)

    def replicate(self, core: Core) -> None:
        """Let a registry's images be copied to where they are to go."""
        with self._lock:
            if self._replicator is None:
                from .replication import Replicator

                self._replicator = Replicator(self)
        self._replicator.wake(core)

    def find(self, account: str, region: str) -> Core | None:
        """A registry, or None if it is not there."""
        if (account, region) == (self.default.account, self.default.region):
            return self.default
        return None if self._further is None else self._further.find(account, region)

    def create(self, account: str, region: str) -> Core:
        """A registry, which comes into being if it is not there. Raises NotImplementedException, ServerException."""
        found = self.find(account, region)
        if found is not None:
            return found
        self.check_room(account, region)
        return self._all_further().create(account, region)

    def check_room(self, account: str, region: str) -> None:
        """Raises NotImplementedException where a further registry could not be reached."""
        if self.host is None:
            raise EcrError(
                "NotImplementedException",
                f"This local ECR has one port for clients, as in a container, so it has only the registry "
                f"'{self.default.account}' in {self.default.region}, and not '{account}' in {region}.",
                status=501,
            )

    def shown(self) -> list[dict[str, str]]:
        """``account``, ``region`` and ``registry`` (host:port) of each, the default one first."""
        core = self.default
        default = {"account": core.account, "region": core.region, "registry": core.registry}
        return [default] if self._further is None else [default, *self._further.shown()]

    def sweep(self) -> None:
        """Tidy up all stores that are open."""
        self.default.store.sweep()
        if self._further is not None:
            self._further.sweep()

    def reset(self) -> None:
        """Empty all registries, and forget the further ones but for their ports."""
        with contextlib.nullcontext() if self._replicator is None else self._replicator.copying:
            if self._further is not None:
                self._further.reset()
            self.default.store.reset()

    def stop(self, grace: float) -> None:
        """Let the further registries' requests under way finish for ``grace`` seconds, and replicate no more."""
        if self._replicator is not None:
            self._replicator.stop()  # first, as it may make further ones
        if self._further is not None:
            self._further.stop(grace)

    def close(self) -> None:
        """Close all stores."""
        if self._further is not None:
            self._further.close()
        self.default.close()

    def _all_further(self) -> Further:
        with self._lock:
            if self._further is None:
                from .other_registries import Further  # not needed while there are none

                self._further = Further(self, self._application)
            return self._further
