"""Images: manifests, kept byte for byte, with their tags and what they refer to."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import time

from .. import quotas
from ..errors import EcrError
from ..mutability import is_locked
from .database import stored_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..manifests import Manifest
    from .database import Database
    from .repositories import Repository

_COLUMNS = """
    id, digest, media_type, kind, is_image, subject, annotations, size, pushed, pulled, scan, length(raw) AS bytes,
    (SELECT group_concat(name, ' ') FROM tag WHERE tag.image = image.id) AS tags
"""
_ROWS_PER_READ = 1000


class Image:
    """An image, as it was at the time of reading. ``bytes`` is the manifest's size, ``size`` the image's."""

    def __init__(self, row: sqlite3.Row) -> None:
        self.id: int = row["id"]
        self.digest: str = row["digest"]
        self.media_type: str = row["media_type"]
        self.kind: str | None = row["kind"]
        self.is_image = bool(row["is_image"])
        self.subject: str | None = row["subject"]
        self.annotations: dict[str, str] = stored_json(row["annotations"])
        self.size: int = row["size"]
        self.bytes: int = row["bytes"]
        self.pushed: float = row["pushed"]
        self.pulled: float | None = row["pulled"]
        self.scan: dict[str, Any] | None = None if row["scan"] is None else stored_json(row["scan"])
        self.tags: list[str] = sorted((row["tags"] or "").split())

    def descriptor(self) -> dict[str, Any]:
        """Return this image's entry in a list of referrers (OCI image specification: descriptor)."""
        descriptor = {"mediaType": self.media_type, "digest": self.digest, "size": self.bytes}
        optional = {"artifactType": self.kind, "annotations": self.annotations}
        return {**descriptor, **{member: value for member, value in optional.items() if value}}


class Images:
    """All images of one registry."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(
        self, repository: Repository, raw: bytes, manifest: Manifest, digest: str | None, tag: str | None
    ) -> tuple[str, bool]:
        """Store a manifest and point ``tag`` at it; returns its digest and whether anything changed.

        A tag that moves leaves its former image in the repository. Raises ImageDigestDoesNotMatchException,
        LayersNotFoundException, ReferencedImagesNotFoundException, LimitExceededException, and for a locked tag
        ImageTagAlreadyExistsException, even if it is on this image (github.com/aws/containers-roadmap, 2179).
        """
        digest = _digest(raw, digest)
        with self._db.transaction():
            image_of_tag = None if tag is None else self._image_of(repository, tag)
            if tag is not None and image_of_tag is not None:
                _check_movable(repository, tag)
            image = self._db.value("SELECT id FROM image WHERE repository = ? AND digest = ?", repository.id, digest)
            changed = image is None
            if image is None:
                image = self._insert(repository, raw, manifest, digest)
            if tag is not None:
                changed = changed or image_of_tag != image
                if image_of_tag != image:
                    self._check_tags(repository, digest, image)
                self._db.execute("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", repository.id, tag, image)
        return digest, changed

    def _image_of(self, repository: Repository, tag: str) -> int | None:
        image: int | None = self._db.value(
            "SELECT image FROM tag WHERE repository = ? AND name = ?", repository.id, tag
        )
        return image

    def _check_tags(self, repository: Repository, digest: str, image: int) -> None:
        """Raise LimitExceededException if an image has as many tags as it may have."""
        if self._db.value("SELECT count(*) FROM tag WHERE image = ?", image) >= quotas.TAGS:
            raise quotas.exceeded(f"image with digest '{digest}' in the {repository.sentence}", "tags", quotas.TAGS)

    def _insert(self, repository: Repository, raw: bytes, manifest: Manifest, digest: str) -> int:
        self._sizes("layer", "Layers", "LayersNotFoundException", repository, manifest.layers)
        sizes = self._sizes("image", "Images", "ReferencedImagesNotFoundException", repository, manifest.children)
        with self._db.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO image (repository, digest, raw, media_type, kind, is_image, subject, annotations, size,"
                " pushed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(repository.id, digest, raw, manifest.media_type, manifest.kind, manifest.is_image),
                    *(manifest.subject, json.dumps(manifest.annotations)),
                    *(max(sizes, default=manifest.blob_bytes), time.time()),
                ),
            )
            image = cursor.lastrowid or 0
            # Ids only grow, so there is nothing to count before the first one that is so large.
            count = "SELECT count(*) FROM image WHERE repository = ?"
            if image > quotas.IMAGES and self._db.value(count, repository.id) > quotas.IMAGES:
                raise quotas.exceeded(repository.sentence, "images", quotas.IMAGES)
            for table, digests in (("uses_layer", manifest.layers), ("child", manifest.children)):
                connection.executemany(
                    f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)",  # noqa: S608
                    [(image, item, repository.id) for item in digests],
                )
        return image

    def _sizes(self, table: str, what: str, exception: str, repository: Repository, digests: list[str]) -> list[int]:
        """Return the sizes of the layers or images with these digests. Raises ``exception`` if one is missing."""
        query = f"SELECT size FROM {table} WHERE repository = ? AND digest = ?"  # noqa: S608
        sizes = {digest: self._db.value(query, repository.id, digest) for digest in digests}
        if missing := [digest for digest, size in sizes.items() if size is None]:
            raise EcrError(
                exception,
                f"{what} with digests '[{', '.join(missing)}]' required for pushing image into {repository.sentence} "
                "do not exist",
            )
        return list(sizes.values())

    def _select(self, condition: str, *values: Any) -> list[Image]:
        return [Image(row) for row in self._db.rows(f"SELECT {_COLUMNS} FROM image WHERE {condition}", *values)]  # noqa: S608

    def find(self, repository: Repository, *, digest: str | None = None, tag: str | None = None) -> Image | None:
        """Return the image of this digest, of this tag, or of both; None if there is none."""
        if tag is None:
            images = self._select("repository = ? AND digest = ?", repository.id, digest)
        else:
            images = self._select(
                "id = (SELECT image FROM tag WHERE repository = ? AND name = ?)", repository.id, tag
            )
        return next((image for image in images if digest in (None, image.digest)), None)

    def raw(self, image: Image) -> bytes:
        """Return the manifest, byte for byte; empty if the image was deleted in the meantime."""
        return self._db.value("SELECT raw FROM image WHERE id = ?", image.id) or b""

    def walk(self, repository: Repository, first: int = 0) -> Iterator[Image]:
        """Yield the images whose ``id`` is ``first`` or more, by their first push, read a thousand at a time."""
        condition = "id >= ? AND repository = ? ORDER BY id LIMIT ?"
        while images := self._select(condition, first, repository.id, _ROWS_PER_READ):
            yield from images
            first = images[-1].id + 1

    def tags(self, repository: Repository, after: str = "", limit: int = -1) -> list[str]:
        """Return a repository's tags that come after a tag, in the order of their bytes: ``limit`` or all (-1)."""
        query = "SELECT name FROM tag WHERE repository = ? AND name > ? ORDER BY name LIMIT ?"
        return self._db.column(query, repository.id, after, limit)

    def referrers(self, repository: Repository, subject: str) -> list[Image]:
        """Return the images whose subject is ``subject``, whether or not that one exists."""
        return self._select("repository = ? AND subject = ? ORDER BY id", repository.id, subject)

    def parents(self, repository: Repository) -> dict[str, list[str]]:
        """Return, for each image that an index lists, the digests of those indexes."""
        indexes: dict[str, list[str]] = {}
        for child, parent in self._db.rows(
            "SELECT child.digest, image.digest FROM child JOIN image ON image.id = child.image"
            " WHERE child.repository = ? ORDER BY image.id",
            repository.id,
        ):
            indexes.setdefault(child, []).append(parent)
        return indexes

    def parents_of(self, repository: Repository, digest: str) -> list[str]:
        """Return the digests of the indexes that list an image."""
        return self._db.column(
            "SELECT image.digest FROM child JOIN image ON image.id = child.image"
            " WHERE child.repository = ? AND child.digest = ? ORDER BY image.id",
            *(repository.id, digest),
        )

    def record_pull(self, image: Image) -> None:
        """Record a pull, unless the disk is full, which must not stop it.

        ECR does so for every pull (ECR user guide, "Pull-time update exclusions"), although the API model promises
        it for one in 24 hours only.
        """
        with contextlib.suppress(sqlite3.OperationalError):
            self._db.execute("UPDATE image SET pulled = ? WHERE id = ?", time.time(), image.id)

    def set_scan(self, image: Image, scan: dict[str, Any]) -> None:
        """Store the result of a scan."""
        self._db.execute("UPDATE image SET scan = ? WHERE id = ?", json.dumps(scan), image.id)

    def untag(self, repository: Repository, tag: str) -> None:
        """Remove a tag and leave its image."""
        self._db.execute("DELETE FROM tag WHERE repository = ? AND name = ?", repository.id, tag)

    def delete(self, repository: Repository, image: Image) -> None:
        """Delete an image with its tags, and with everything that refers to it as its subject.

        Its layers stay for a while, as a push under way may need them (``Store.sweep``). Raises
        ImageReferencedByManifestList if an index lists it.
        """
        with self._db.transaction():
            parents = self.parents_of(repository, image.digest)
            if parents:
                raise EcrError(
                    "ImageReferencedByManifestList",
                    f"Requested image referenced by manifest list: [{', '.join(parents)}]",
                )
            images = [image]
            for item in images:
                images += self.referrers(repository, item.digest)
                self._db.execute(
                    "UPDATE layer SET since = ? WHERE repository = ? AND digest IN"
                    " (SELECT digest FROM uses_layer WHERE image = ?)",
                    *(time.time(), repository.id, item.id),
                )
                self._db.execute("DELETE FROM image WHERE id = ?", item.id)


def _check_movable(repository: Repository, tag: str) -> None:
    if is_locked(repository.mutability, repository.filters, tag):
        locked = "tag" if repository.mutability.endswith("_WITH_EXCLUSION") else "repository"
        raise EcrError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be "
            f"overwritten because the {locked} is immutable.",
        )


def _digest(raw: bytes, digest: str | None) -> str:
    """Return the digest of ``raw``, in ``digest``'s algorithm or sha256. Raises ImageDigestDoesNotMatchException."""
    algorithm = "sha256" if digest is None else digest.partition(":")[0]
    actual = f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"
    if digest is not None and digest != actual:
        raise EcrError(
            "ImageDigestDoesNotMatchException",
            f"The provided image digest '{digest}' does not match the digest of the image manifest, '{actual}'",
        )
    return actual
