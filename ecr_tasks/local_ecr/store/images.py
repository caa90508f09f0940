"""Images: manifests, kept byte for byte, with their tags and what they refer to."""

from __future__ import annotations

import hashlib
import json
import time

from ..errors import EcrError
from ..mutability import is_locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from typing import Any

    from ..manifests import Manifest
    from .database import Database
    from .repositories import Repository

_COLUMNS = (
    "id, digest, media_type, kind, is_image, subject, annotations, size, pushed, pulled, scan, length(raw) AS bytes"
)


_ROWS_PER_READ = 1000


class Image:
    """An image as it was when it was read. ``bytes`` is the manifest's size, ``size`` the image's."""

    def __init__(self, row: sqlite3.Row, tags: list[str]) -> None:
        self.id: int = row["id"]
        self.digest: str = row["digest"]
        self.media_type: str = row["media_type"]
        self.kind: str | None = row["kind"]
        self.is_image = bool(row["is_image"])
        self.subject: str | None = row["subject"]
        self.annotations: dict[str, str] = json.loads(row["annotations"])
        self.size: int = row["size"]
        self.bytes: int = row["bytes"]
        self.pushed: float = row["pushed"]
        self.pulled: float | None = row["pulled"]
        self.scan: dict[str, Any] | None = None if row["scan"] is None else json.loads(row["scan"])
        self.tags = tags


class Images:
    """All images of the registry ``account``."""

    def __init__(self, db: Database, account: str) -> None:
        self._db = db
        self._account = account

    def put(
        self, repository: Repository, raw: bytes, manifest: Manifest, digest: str | None, tag: str | None
    ) -> tuple[str, bool]:
        """Store a manifest and point ``tag`` at it; returns its digest and whether anything changed.

        A tag that moves leaves its former image in the repository. Raises ImageDigestDoesNotMatchException,
        LayersNotFoundException, ReferencedImagesNotFoundException, and for a locked tag
        ImageTagAlreadyExistsException, also if it is at this very image (github.com/aws/containers-roadmap, 2179).
        """
        digest = _digest(raw, digest)
        with self._db.transaction() as db:
            if tag is not None:
                self._check_tag(repository, tag)
            row = db.execute(
                "SELECT id FROM image WHERE repository = ? AND digest = ?", (repository.id, digest)
            ).fetchone()
            changed = row is None
            image = self._insert(repository, raw, manifest, digest) if row is None else int(row["id"])
            if tag is not None:
                tag_row = db.execute(
                    "SELECT image FROM tag WHERE repository = ? AND name = ?", (repository.id, tag)
                ).fetchone()
                changed = changed or tag_row is None or tag_row["image"] != image
                db.execute("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", (repository.id, tag, image))
        return digest, changed

    def _check_tag(self, repository: Repository, tag: str) -> None:
        if not is_locked(repository.mutability, repository.filters, tag):
            return
        row = self._db.row("SELECT 1 FROM tag WHERE repository = ? AND name = ?", repository.id, tag)
        if row is not None:
            what = "tag" if repository.mutability.endswith("_WITH_EXCLUSION") else "repository"
            raise EcrError(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be "
                f"overwritten because the {what} is immutable.",
            )

    def _insert(self, repository: Repository, raw: bytes, manifest: Manifest, digest: str) -> int:
        self._require("layer", "Layers", "LayersNotFoundException", repository, manifest.layers)
        self._require("image", "Images", "ReferencedImagesNotFoundException", repository, manifest.children)
        with self._db.transaction() as db:
            size = manifest.blob_bytes
            if manifest.children:
                marks = ", ".join("?" * len(manifest.children))
                (size,) = db.execute(
                    f"SELECT max(size) FROM image WHERE repository = ? AND digest IN ({marks})",  # noqa: S608
                    (repository.id, *manifest.children),
                ).fetchone()
            cursor = db.execute(
                "INSERT INTO image (repository, digest, raw, media_type, kind, is_image, subject, annotations, size,"
                " pushed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    repository.id,
                    digest,
                    raw,
                    manifest.media_type,
                    manifest.kind,
                    int(manifest.is_image),
                    manifest.subject,
                    json.dumps(manifest.annotations),
                    size,
                    time.time(),
                ),
            )
            image = cursor.lastrowid or 0
            for table, digests in (("uses_layer", manifest.layers), ("child", manifest.children)):
                db.executemany(
                    f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)",  # noqa: S608
                    [(image, item, repository.id) for item in digests],
                )
        return image

    def _require(self, table: str, what: str, exception: str, repository: Repository, digests: list[str]) -> None:
        missing = [
            digest
            for digest in digests
            if self._db.row(
                f"SELECT 1 FROM {table} WHERE repository = ? AND digest = ?",  # noqa: S608
                repository.id,
                digest,
            )
            is None
        ]
        if missing:
            raise EcrError(
                exception,
                f"{what} with digests '[{', '.join(missing)}]' required for pushing image into repository with "
                f"name '{repository.name}' in the registry with id '{self._account}' do not exist",
            )

    def find(self, repository: Repository, *, digest: str | None = None, tag: str | None = None) -> Image | None:
        """Return the image of this digest, of this tag, or of both; None if there is none."""
        if tag is not None:
            tag_row = self._db.row("SELECT image FROM tag WHERE repository = ? AND name = ?", repository.id, tag)
            if tag_row is None:
                return None
            row = self._db.row(f"SELECT {_COLUMNS} FROM image WHERE id = ?", tag_row["image"])  # noqa: S608
        else:
            row = self._db.row(
                f"SELECT {_COLUMNS} FROM image WHERE repository = ? AND digest = ?",  # noqa: S608
                repository.id,
                digest,
            )
        if row is None or (digest is not None and row["digest"] != digest):
            return None
        tag_rows = self._db.rows("SELECT name FROM tag WHERE image = ? ORDER BY name", row["id"])
        return Image(row, [tag_row["name"] for tag_row in tag_rows])

    def raw(self, image: Image) -> bytes:
        """Return the manifest, byte for byte."""
        row = self._db.row("SELECT raw FROM image WHERE id = ?", image.id)
        return b"" if row is None else bytes(row["raw"])

    def all(self, repository: Repository) -> list[Image]:
        """Return all images of a repository in the order of their first push."""
        tags: dict[int, list[str]] = {}
        for row in self._db.rows("SELECT image, name FROM tag WHERE repository = ? ORDER BY name", repository.id):
            tags.setdefault(row["image"], []).append(row["name"])
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM image WHERE repository = ? ORDER BY id",  # noqa: S608
            repository.id,
        )
        return [Image(row, tags.get(row["id"], [])) for row in rows]

    def walk(self, repository: Repository, first: int = 0) -> Iterator[Image]:
        """Yield the images whose ``id`` is ``first`` or more, in the same order, read a thousand at a time."""
        while True:
            rows = self._db.rows(
                f"SELECT {_COLUMNS} FROM image WHERE id >= ? AND repository = ? ORDER BY id LIMIT ?",  # noqa: S608
                *(first, repository.id, _ROWS_PER_READ),
            )
            if not rows:
                return
            tags: dict[int, list[str]] = {}
            for row in self._db.rows(
                "SELECT image, name FROM tag WHERE image BETWEEN ? AND ? ORDER BY name", rows[0]["id"], rows[-1]["id"]
            ):
                tags.setdefault(row["image"], []).append(row["name"])
            yield from (Image(row, tags.get(row["id"], [])) for row in rows)
            first = rows[-1]["id"] + 1

    def tags(self, repository: Repository) -> list[str]:
        """Return all tags of a repository, in the order of their bytes."""
        rows = self._db.rows("SELECT name FROM tag WHERE repository = ? ORDER BY name", repository.id)
        return [row["name"] for row in rows]

    def referrers(self, repository: Repository, subject: str) -> list[Image]:
        """Return the images whose subject is ``subject``, whether or not that one exists."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM image WHERE repository = ? AND subject = ? ORDER BY id",  # noqa: S608
            repository.id,
            subject,
        )
        return [Image(row, []) for row in rows]

    def parents(self, repository: Repository) -> dict[str, list[str]]:
        """Return, for each image that an index lists, the digests of those indexes."""
        indexes: dict[str, list[str]] = {}
        for row in self._db.rows(
            "SELECT child.digest AS child, image.digest AS parent FROM child JOIN image ON image.id = child.image"
            " WHERE child.repository = ? ORDER BY image.id",
            repository.id,
        ):
            indexes.setdefault(row["child"], []).append(row["parent"])
        return indexes

    def record_pull(self, image: Image) -> None:
        """Record a pull."""
        with self._db.transaction() as db:
            db.execute("UPDATE image SET pulled = ? WHERE id = ?", (time.time(), image.id))

    def set_scan(self, image: Image, scan: dict[str, Any]) -> None:
        """Keep the result of a scan."""
        with self._db.transaction() as db:
            db.execute("UPDATE image SET scan = ? WHERE id = ?", (json.dumps(scan), image.id))

    def untag(self, repository: Repository, tag: str) -> None:
        """Remove a tag and leave its image."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM tag WHERE repository = ? AND name = ?", (repository.id, tag))

    def delete(self, repository: Repository, image: Image) -> None:
        """Delete an image with its tags, and with everything that refers to it as its subject.

        Its layers stay for a while, as a push under way may need them (``Store.sweep``). Raises
        ImageReferencedByManifestList if an index lists it.
        """
        with self._db.transaction() as db:
            parents = self.parents(repository).get(image.digest)
            if parents:
                raise EcrError(
                    "ImageReferencedByManifestList",
                    f"Requested image referenced by manifest list: [{', '.join(parents)}]",
                )
            deleted = [image.id]
            subjects = [image.digest]
            while subjects:
                for referrer in self.referrers(repository, subjects.pop()):
                    if referrer.id not in deleted:
                        deleted.append(referrer.id)
                        subjects.append(referrer.digest)
            for identity in deleted:
                db.execute(
                    "UPDATE layer SET since = ? WHERE repository = ? AND digest IN"
                    " (SELECT digest FROM uses_layer WHERE image = ?)",
                    (time.time(), repository.id, identity),
                )
                db.execute("DELETE FROM image WHERE id = ?", (identity,))


def _digest(raw: bytes, digest: str | None) -> str:
    """Return the digest under which to keep ``raw``. Raises ImageDigestDoesNotMatchException."""
    algorithm = "sha256" if digest is None else digest.partition(":")[0]
    actual = f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"
    if digest is not None and digest != actual:
        raise EcrError(
            "ImageDigestDoesNotMatchException",
            f"The provided image digest '{digest}' does not match the digest of the image manifest, '{actual}'",
        )
    return actual
