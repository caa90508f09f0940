"""What the API and the registry share: the registry's identity and the operations that both offer."""

from __future__ import annotations

from . import manifests
from .auth import Tokens
from .scanning import Scanner
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .store.images import Image
    from .store.repositories import Repository


class Core:
    """One registry: ``account`` in ``region``, kept in ``root``, reached at ``registry`` (host:port)."""

    def __init__(self, root: Path, *, account: str, region: str, registry: str) -> None:
        self.root = root
        self.account = account
        self.region = region
        self.registry = registry
        self.endpoint = f"http://{registry}"
        self.tokens = Tokens(root)
        self.store = Store(root, account)
        self.scanner = Scanner(root, self.store)

    def put_image(
        self,
        repository: Repository,
        raw: bytes,
        *,
        media_type: str | None,
        digest: str | None = None,
        tags: list[str] | None = None,
    ) -> tuple[str, manifests.Manifest, bool]:
        """Store a manifest under its tags, or under none; returns digest, manifest, whether anything changed.

        Starts a scan where the repository is scanned on push. Raises as ``manifests.parse`` and ``Images.put``.
        """
        manifest = manifests.parse(raw, media_type)
        changed = False
        with self.store.db.transaction():
            wanted: list[str | None] = [*tags] if tags else [None]
            for tag in wanted:
                found, new = self.store.images.put(repository, raw, manifest, digest, tag)
                changed = changed or new
            if changed and manifest.is_image:
                self.scanner.on_push(repository, self._image(repository, found))
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
