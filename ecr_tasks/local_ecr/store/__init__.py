"""The store of one registry, in one folder: a SQLite file, and a file for each blob.

``kill -9`` at any moment loses nothing that was acknowledged: a blob is renamed into place before the
transaction that adds its row, and the transaction is committed before the reply. Power loss is not covered
(blobs are not synced to the disk), since images can be pushed again.
"""

from __future__ import annotations

import contextlib
import time

from ..constants import STORE_FILE
from .blobs import Blobs
from .database import Database
from .images import Images
from .layers import Layers
from .repositories import Repositories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .repositories import Repository

UPLOAD_LIFETIME = 24 * 3600.0
"""Seconds after which an unfinished upload is removed."""

ORPHAN_LIFETIME = 3600.0
"""Seconds for which a layer is kept that no image uses: a push sends its layers before its manifest."""


class Store:
    """The data folder. ``root`` must exist; only one process may have it open."""

    def __init__(self, root: Path, account: str) -> None:
        self.root = root
        self.blobs = Blobs(root)
        self.db = Database(root / STORE_FILE)
        self.repositories = Repositories(self.db, account)
        self.layers = Layers(self.db, self.blobs)
        self.images = Images(self.db)

    def sweep(self, now: float | None = None) -> None:
        """Remove abandoned uploads, layers that no image has used for an hour, and files nothing refers to."""
        now = time.time() if now is None else now
        self.layers.expire_uploads(now - UPLOAD_LIFETIME)
        self.layers.remove_unused(now - ORPHAN_LIFETIME)
        self.layers.remove_stray_files(now - ORPHAN_LIFETIME)

    def delete_repository(self, repository: Repository, *, force: bool) -> None:
        """Delete a repository and the files that no other one uses. Raises RepositoryNotEmptyException."""
        with self.layers.files_lock:
            digests = self.db.column("SELECT digest FROM layer WHERE repository = ?", repository.id)
            uploads = self.db.column("SELECT id FROM upload WHERE repository = ?", repository.id)
            self.repositories.delete(repository, force=force)
            self.layers.remove_unused_files(digests)
            for identity in uploads:
                self.layers.discard_upload(identity)

    def reset(self) -> None:
        """Forget everything: repositories, images, layers, uploads, registry settings."""
        import shutil  # slow to load, and rarely needed

        with self.layers.files_lock, self.db.transaction() as db:
            for table in ("upload", "repository", "setting", "session"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608  (names from the line above)
            self.layers.close_uploads()
            for folder in self.blobs.root.iterdir():
                shutil.rmtree(folder, ignore_errors=True)
            for file in self.blobs.uploads.iterdir():
                with contextlib.suppress(OSError):
                    file.unlink()

    def close(self) -> None:
        """Close every file. The store must not be used afterwards."""
        self.layers.close_uploads()
        self.db.close()
