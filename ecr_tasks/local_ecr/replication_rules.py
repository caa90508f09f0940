"""A registry's replication rules, and the replication status of each image."""

from __future__ import annotations

import contextlib
import json
import time

from .errors import EcrError
from .store.database import stored_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .registry import Registry
    from .store.images import Image
    from .store.repositories import Repository

_SETTING = "replication"

# Created with the first rules, not with the schema. ``begun`` is the time of the push (Unix seconds).
_TABLE = """
CREATE TABLE IF NOT EXISTS replication (
    image INTEGER NOT NULL REFERENCES image ON DELETE CASCADE, account TEXT NOT NULL, region TEXT NOT NULL,
    status TEXT NOT NULL, failure TEXT, begun REAL NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (image, account, region)
) WITHOUT ROWID
"""


def exist(registry: Registry) -> bool:
    """Return whether the registry has, or has ever had, replication rules."""
    return registry.store.db.setting(_SETTING) is not None


def configuration(registry: Registry) -> dict[str, Any]:
    """Return the registry's ReplicationConfiguration, in the shape of the API model."""
    text = registry.store.db.setting(_SETTING)
    document: dict[str, Any] = {"rules": []} if text is None else stored_json(text)
    return document


def configure(registry: Registry, document: dict[str, Any]) -> None:
    """Replace the registry's ReplicationConfiguration."""
    with registry.store.db.transaction() as db:
        db.execute(_TABLE)
        registry.store.db.set(_SETTING, json.dumps(document))


def destinations(rules: list[dict[str, Any]], name: str) -> list[tuple[str, str]]:
    """Return account and region of each registry that gets copies of the images of the repository ``name``."""
    registries: dict[tuple[str, str], None] = {}
    for rule in rules:
        prefixes = [item["filter"] for item in rule.get("repositoryFilters", [])]
        if not prefixes or any(name.startswith(prefix) for prefix in prefixes):
            registries.update({(item["registryId"], item["region"]): None for item in rule["destinations"]})
    return list(registries)


def record_pending(registry: Registry, repository: Repository, image: Image, tags: list[str]) -> bool:
    """Record, in the transaction of a push, where to copy the image; returns whether there is any destination."""
    registries = destinations(configuration(registry)["rules"], repository.name)
    record(registry, image, tags, registries)
    return bool(registries)


def record(registry: Registry, image: Image, tags: list[str], registries: list[tuple[str, str]]) -> None:
    """Record an image, with tags, as pending for registries."""
    with registry.store.db.transaction() as db:
        for account, region in registries:
            row = registry.store.db.row(
                "SELECT tags FROM replication WHERE image = ? AND account = ? AND region = ?"
                " AND status = 'IN_PROGRESS'",
                *(image.id, account, region),
            )
            all_tags = [*tags] if row is None else list(dict.fromkeys([*stored_json(row["tags"]), *tags]))
            values = (image.id, account, region, "IN_PROGRESS", None, time.time(), json.dumps(all_tags))
            db.execute("INSERT OR REPLACE INTO replication VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def delete_copies(registry: Registry, name: str, deleted: list[tuple[str, str | None]]) -> None:
    """Delete from a repository's destinations what was deleted here: images by digest, or a tag of one.

    Only by rules with ``deleteReplication`` (API model, DeleteReplication). What a destination lacks, or needs for an
    index of its own, is left alone.
    """
    rules = [rule for rule in configuration(registry)["rules"] if rule.get("deleteReplication", {}).get("enabled")]
    for account, region in destinations(rules, name) if deleted else ():
        target = registry.registries.find(account, region)
        repository = target.store.repositories.find(name) if target is not None else None
        for digest, tag in deleted:
            if target is None or repository is None:
                break
            image = target.store.images.find(repository, digest=digest)
            if image is not None and tag in image.tags:
                target.store.images.untag(repository, str(tag))
            elif image is not None and tag is None:
                with contextlib.suppress(EcrError):
                    target.store.images.delete(repository, image)


def pending(registry: Registry) -> list[Any]:
    """Return the rows of replications that have not ended, oldest first."""
    return registry.store.db.rows("SELECT * FROM replication WHERE status = 'IN_PROGRESS' ORDER BY begun")


def record_end(registry: Registry, row: Any, failure: str | None) -> None:
    """Record that a replication has ended, with a failure code if it failed.

    Nothing is recorded if the image was pushed again in the meantime, as it must then be copied again.
    """
    with registry.store.db.transaction() as db:
        key = (row["image"], row["account"], row["region"], row["begun"])
        db.execute(
            "UPDATE replication SET status = ?, failure = ?, tags = '[]'"
            " WHERE image = ? AND account = ? AND region = ? AND begun = ?",
            ("COMPLETE" if failure is None else "FAILED", failure, *key),
        )


def statuses(registry: Registry, image: Image) -> list[dict[str, str]]:
    """Return an image's ImageReplicationStatus for each destination, in the shape of the API model."""
    if registry.store.db.row("SELECT 1 FROM sqlite_master WHERE name = 'replication'") is None:
        return []
    rows = registry.store.db.rows("SELECT * FROM replication WHERE image = ? ORDER BY account, region", image.id)
    documents = []
    for row in rows:
        document = {"region": row["region"], "registryId": row["account"], "status": row["status"]}
        documents.append(document if row["failure"] is None else {**document, "failureCode": row["failure"]})
    return documents
