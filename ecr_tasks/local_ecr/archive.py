"""Archived images: which are in the archive, and which are on their way back (UpdateImageStorageClass).

ECR user guide, "Archiving an image" and "Restoring an image": an archived image is listed and can't be pulled (404),
a push of it restores it at once, and a restore takes up to 20 minutes; here it takes RESTORE_SECONDS.
"""

from __future__ import annotations

import time

from .errors import EcrError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Registry
    from .store.images import Image
    from .store.repositories import Repository

RESTORE_SECONDS = 1.0

STATUSES = ("ACTIVE", "ARCHIVED", "ACTIVATING")

# Created with the first archived image, not with the schema. Times are Unix seconds; ``active`` ends a restore.
_TABLE = """
CREATE TABLE IF NOT EXISTS archive (
    image INTEGER PRIMARY KEY REFERENCES image ON DELETE CASCADE, archived REAL NOT NULL, active REAL
)
"""


class State:
    """The state of one image: its ``status``, and the times of its last archiving and restoring, if any."""

    def __init__(self, archived: float | None = None, active: float | None = None) -> None:
        self.archived = archived
        self.activated = active if active is not None and active <= time.time() else None
        is_archived = archived is not None and self.activated is None
        self.status = "ACTIVE" if not is_archived else "ARCHIVED" if active is None else "ACTIVATING"


_ACTIVE = State()


class States:
    """The states of all images of a registry at one time, or of one ``image``."""

    def __init__(self, registry: Registry, image: Image | None = None) -> None:
        self._rows: dict[int, State] = {}
        if registry.store.db.row("SELECT 1 FROM sqlite_master WHERE name = 'archive'") is not None:
            query: str = "SELECT image, archived, active FROM archive"
            values: tuple[int, ...] = ()
            if image is not None:
                query, values = f"{query} WHERE image = ?", (image.id,)
            rows = registry.store.db.rows(query, *values)
            self._rows = {row["image"]: State(row["archived"], row["active"]) for row in rows}

    def of(self, image: Image) -> State:
        """Return the state of an image."""
        return self._rows.get(image.id, _ACTIVE)


def is_active(registry: Registry, image: Image) -> bool:
    """Return whether an image can be pulled."""
    return States(registry, image).of(image).status == "ACTIVE"


def archive(registry: Registry, repository: Repository, image: Image) -> None:
    """Archive an image. Raises ImageStorageClassUpdateNotSupportedException.

    An image of an index can't be archived before the index (ECR user guide, "Lifecycle policy evaluation rules").
    """
    with registry.store.db.transaction() as db:
        states = States(registry)
        _check(states.of(image).status == "ACTIVE", f"the image is {states.of(image).status}")
        for parent in registry.store.images.parents_of(repository, image.digest):
            index = registry.store.images.find(repository, digest=parent)
            active = index is not None and states.of(index).status == "ACTIVE"
            _check(not active, f"Requested image referenced by manifest list: [{parent}]")
        db.execute(_TABLE)
        db.execute("INSERT OR REPLACE INTO archive VALUES (?, ?, NULL)", (image.id, time.time()))


def restore(registry: Registry, image: Image, *, at_once: bool = False) -> None:
    """Restore an archived image. Raises ImageStorageClassUpdateNotSupportedException."""
    with registry.store.db.transaction() as db:
        status = States(registry, image).of(image).status
        _check(status == "ARCHIVED" or at_once, f"the image is {status}")
        end = time.time() + (0 if at_once else RESTORE_SECONDS)
        db.execute("UPDATE archive SET active = ? WHERE image = ?", (end, image.id))


def _check(is_supported: bool, reason: str) -> None:
    if not is_supported:
        message = f"The requested image storage class update is not supported: {reason}"
        raise EcrError("ImageStorageClassUpdateNotSupportedException", message)
