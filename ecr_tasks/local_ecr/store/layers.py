"""Layers: which blobs a repository has, and their uploads."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time

from ..errors import EcrError, is_disk_full

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from .blobs import Blobs, Upload
    from .database import Database
    from .repositories import Repository

_TOUCH_SECONDS = 600.0


class Layers:
    """The layers of all repositories: each blob is stored once, and each repository that has it has a row for it."""

    def __init__(self, db: Database, blobs: Blobs) -> None:
        self._db = db
        self._blobs = blobs
        self._uploads: dict[str, Upload] = {}
        self._uploads_lock = threading.Lock()
        # A file is added with its first row and removed with its last one; no thread sees one without the other.
        self.files_lock = threading.RLock()

    def size(self, repository: Repository, digest: str) -> int | None:
        """Return the size in bytes of a layer that this repository has, or None.

        A push that checks a layer will use it, so a layer that no image uses is kept for another hour.
        """
        row = self._db.row("SELECT size, since FROM layer WHERE repository = ? AND digest = ?", repository.id, digest)
        if row is None:
            return None
        if row["since"] < time.time() - _TOUCH_SECONDS:
            with contextlib.suppress(sqlite3.OperationalError):  # a full disk
                self._db.execute(
                    "UPDATE layer SET since = ? WHERE repository = ? AND digest = ?",
                    *(time.time(), repository.id, digest),
                )
        return int(row["size"])

    def mount(self, target: Repository, source: Repository, digest: str) -> bool:
        """Give ``target`` a layer that an image in ``source`` uses; returns False if there is none.

        ECR mounts no layer that waits for its image (github.com/aws/containers-roadmap, issue 2860).
        """
        used = "SELECT 1 FROM uses_layer WHERE repository = ? AND digest = ? LIMIT 1"
        with self._db.transaction():
            size = self.size(source, digest)
            if size is None or self._db.row(used, source.id, digest) is None:
                return False
            self._link(target, digest, size)
            return True

    def adopt(self, target: Repository, path: Path, digest: str) -> None:
        """Give ``target`` a blob of another store, whose file is ``path``. Raises OSError."""
        if self.size(target, digest) is None:
            with self.files_lock:
                self._link(target, digest, self._blobs.link(path, digest))

    def begin(self, repository: Repository) -> str:
        """Start an upload; returns its id (a version 4 UUID)."""
        raw = bytearray(os.urandom(16))
        raw[6], raw[8] = raw[6] & 0x0F | 0x40, raw[8] & 0x3F | 0x80
        text = raw.hex()
        identity = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        self._db.execute(
            "INSERT INTO upload (id, repository, created) VALUES (?, ?, ?)", identity, repository.id, time.time()
        )
        return identity

    @contextlib.contextmanager
    def upload(self, repository: Repository, identity: str) -> Iterator[Upload]:
        """Lend an upload to one request at a time.

        Raises UploadNotFoundException, also if another request still has it after five seconds: that request may be
        waiting for a client that is gone. When the disk is full the upload is cancelled and its file removed.
        """
        if self._db.value("SELECT repository FROM upload WHERE id = ?", identity) != repository.id:
            raise _upload_not_found(identity)
        with self._uploads_lock:
            upload = self._uploads.get(identity)
            if upload is None:
                upload = self._uploads[identity] = self._blobs.upload(identity)
        if not upload.lock.acquire(timeout=5.0):
            raise _upload_not_found(identity)
        try:
            if upload.is_ended:  # by the request that had it before
                raise _upload_not_found(identity)
            upload.open()
            yield upload
        except BaseException as error:
            if is_disk_full(error):
                self.cancel(upload)
            raise
        finally:
            upload.close()
            upload.lock.release()

    def record_part(self, upload: Upload, size: int, minimum: int) -> None:
        """Record the size of an API part: every part but the last must have ``minimum`` bytes."""
        self._db.execute(
            "UPDATE upload SET small_part = small_part OR coalesce(last_part < ?, 0), last_part = ? WHERE id = ?",
            *(minimum, size, upload.id),
        )

    def has_small_part(self, upload: Upload) -> bool:
        """Return whether a part other than the last was too small."""
        return bool(self._db.value("SELECT small_part FROM upload WHERE id = ?", upload.id))

    def finish(self, repository: Repository, upload: Upload, digest: str) -> None:
        """Make an upload a layer. Raises InvalidLayerException if the bytes have another digest."""
        if not upload.matches(digest):
            raise EcrError(
                "InvalidLayerException",
                f"The uploaded layer does not have the digest '{digest}': it has '{upload.sha256()}'",
            )
        with self.files_lock:
            if upload.is_ended:  # its repository has been deleted meanwhile
                raise _upload_not_found(upload.id)
            self._blobs.add(upload.path, digest)
            with self._db.transaction():
                self._link(repository, digest, upload.size)
                self._db.execute("DELETE FROM upload WHERE id = ?", upload.id)
        with self._uploads_lock:
            self._uploads.pop(upload.id, None)
        upload.is_ended = True

    def cancel(self, upload: Upload) -> None:
        """Remove an upload, its file and its row."""
        upload.discard()  # first the file, as the database may need the disk space
        with self._uploads_lock:
            self._uploads.pop(upload.id, None)
        with contextlib.suppress(Exception):
            self._db.execute("DELETE FROM upload WHERE id = ?", upload.id)

    def remove(self, repository: Repository, digest: str) -> bool:
        """Remove a layer that no image uses; returns whether there was one."""
        return bool(self._remove_where("repository = ? AND digest = ?", repository.id, digest))

    def remove_unused(self, before: float) -> None:
        """Remove the layers that no image has used since ``before`` (Unix seconds)."""
        self._remove_where("since < ?", before)

    def _remove_where(self, condition: str, *values: Any) -> list[str]:
        """Remove the layers that a condition selects, except those that an image uses; returns their digests."""
        condition += (
            " AND NOT EXISTS (SELECT 1 FROM uses_layer AS u"
            " WHERE u.repository = layer.repository AND u.digest = layer.digest)"
        )
        with self.files_lock:
            with self._db.transaction():
                digests = self._db.column(f"SELECT digest FROM layer WHERE {condition}", *values)  # noqa: S608
                self._db.execute(f"DELETE FROM layer WHERE {condition}", *values)  # noqa: S608
            self.remove_unused_files(digests)
        return digests

    def remove_unused_files(self, digests: list[str]) -> None:
        """Remove the files of those ``digests`` that no repository has as a layer. Call it with ``files_lock``."""
        for digest in digests:
            if self._db.row("SELECT 1 FROM layer WHERE digest = ? LIMIT 1", digest) is None:
                self._blobs.remove(digest)

    def discard_upload(self, identity: str) -> None:
        """Remove the file of an upload whose row was deleted. Call it with ``files_lock``."""
        with self._uploads_lock:
            upload = self._uploads.pop(identity, None)
        if upload is not None:
            upload.is_ended = (
                True  # without its lock, which a request has that waits for its client or for files_lock
            )
        with contextlib.suppress(OSError):
            (self._blobs.uploads / identity).unlink()

    def expire_uploads(self, before: float) -> None:
        """Remove uploads that were started before ``before`` (Unix seconds)."""
        for identity in self._db.column("SELECT id FROM upload WHERE created < ?", before):
            with self._uploads_lock:
                upload = self._uploads.get(identity) or self._blobs.upload(identity)
            if upload.lock.acquire(blocking=False):
                try:
                    self.cancel(upload)
                finally:
                    upload.lock.release()

    def remove_stray_files(self, before: float) -> None:
        """Remove files that a killed process left: without a row, and older than ``before`` (Unix seconds)."""
        for path in self._blobs.root.glob("*/*/*"):
            with self.files_lock, contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    self.remove_unused_files([f"{path.parent.parent.name}:{path.name}"])
        for path in self._blobs.uploads.iterdir():
            with contextlib.suppress(OSError):
                row = self._db.row("SELECT 1 FROM upload WHERE id = ?", path.name)
                if row is None and path.stat().st_mtime < before:
                    path.unlink()

    def close_uploads(self) -> None:
        """Forget the unfinished uploads, which clients can continue after a restart."""
        with self._uploads_lock:
            for upload in self._uploads.values():
                upload.is_ended = True
            self._uploads.clear()

    def _link(self, repository: Repository, digest: str, size: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO layer VALUES (?, ?, ?, ?)", repository.id, digest, size, time.time())


def _upload_not_found(identity: str) -> EcrError:
    """Return the exception for an upload that is finished, cancelled, expired, or of another repository."""
    return EcrError(
        "UploadNotFoundException",
        f"The upload with id '{identity}' could not be found, or does not belong to this repository",
    )
