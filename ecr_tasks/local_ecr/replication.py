"""Replication: what is pushed is copied, a moment later, to the registries that the registry's rules name.

As ECR does: only what is pushed after the rules were set, never a deletion, never further than one step, into
repositories that come into being with the default settings; where a tag is locked and taken at the destination,
the image arrives without it. Blobs are linked, not copied. Registry policies are not checked.

``replication.json`` in the data folder says how slow it is and what fails::

    {"delay": 2.5, "fail": {"eu-west-3": "ServerException"}}

``delay`` is how many seconds a replication stays IN_PROGRESS; ``fail`` has failure codes by region (a wildcard).
It is read again until a replication ends. Loaded only where there are rules.
"""

from __future__ import annotations

import json
import sys
import threading
import time

from . import manifests
from .constants import REPLICATION_SETTING
from .errors import EcrError
from .mutability import is_locked
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from .registry import Core, Registries
    from .store.images import Image
    from .store.repositories import Repository

FILE = "replication.json"
_LOOK_SECONDS = 0.05

# Not part of the schema: it is only there where there have been rules.
_TABLE = """
CREATE TABLE IF NOT EXISTS replication (
    image INTEGER NOT NULL REFERENCES image ON DELETE CASCADE, account TEXT NOT NULL, region TEXT NOT NULL,
    status TEXT NOT NULL, failure TEXT, begun REAL NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (image, account, region)
) WITHOUT ROWID
"""
_PENDING = "SELECT * FROM replication WHERE status = 'IN_PROGRESS' ORDER BY begun"


def configuration(core: Core) -> dict[str, Any]:
    """The registry's replication configuration, as the API has it."""
    saved = core.store.db.setting(REPLICATION_SETTING)
    found: dict[str, Any] = {"rules": []} if saved is None else json.loads(saved)
    return found


def configure(core: Core, wanted: dict[str, Any]) -> None:
    """Replace the registry's replication configuration."""
    with core.store.db.transaction() as db:
        db.execute(_TABLE)
        core.store.db.set(REPLICATION_SETTING, json.dumps(wanted))


def destinations(rules: list[dict[str, Any]], name: str) -> list[tuple[str, str]]:
    """Account and region of each registry to which a repository's images go."""
    found: dict[tuple[str, str], None] = {}
    for rule in rules:
        prefixes = [item["filter"] for item in rule.get("repositoryFilters", [])]
        if not prefixes or any(name.startswith(prefix) for prefix in prefixes):
            found.update({(item["registryId"], item["region"]): None for item in rule["destinations"]})
    return list(found)


def note(core: Core, repository: Repository, image: Image, tags: list[str]) -> bool:
    """Record, in the transaction of a push, where the image is to go; whether there is anywhere."""
    wanted = destinations(configuration(core)["rules"], repository.name)
    with core.store.db.transaction() as db:
        for account, region in wanted:
            before = core.store.db.row(
                "SELECT tags FROM replication WHERE image = ? AND account = ? AND region = ?"
                " AND status = 'IN_PROGRESS'",
                *(image.id, account, region),
            )
            all_tags = [*tags] if before is None else list(dict.fromkeys([*json.loads(before["tags"]), *tags]))
            values = (image.id, account, region, "IN_PROGRESS", None, time.time(), json.dumps(all_tags))
            db.execute("INSERT OR REPLACE INTO replication VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    return bool(wanted)


def statuses(core: Core, image: Image) -> list[dict[str, str]]:
    """What became of an image, as the API shows it."""
    if core.store.db.row("SELECT 1 FROM sqlite_master WHERE name = 'replication'") is None:
        return []
    rows = core.store.db.rows("SELECT * FROM replication WHERE image = ? ORDER BY account, region", image.id)
    found = []
    for row in rows:
        shown = {"region": row["region"], "registryId": row["account"], "status": row["status"]}
        found.append(shown if row["failure"] is None else {**shown, "failureCode": row["failure"]})
    return found


def check_knobs(knobs: Any) -> dict[str, Any]:
    """What ``replication.json`` says, if it makes sense. Raises ServerException."""
    problem = None
    if not isinstance(knobs, dict) or set(knobs) - {"delay", "fail"}:
        problem = "it must be an object with delay and fail"
    elif not isinstance(knobs.get("delay", 0), (int, float)) or knobs.get("delay", 0) < 0:
        problem = "delay must be a number of seconds"
    else:
        fail = knobs.get("fail", {})
        if not isinstance(fail, dict) or not all(isinstance(code, str) and code for code in fail.values()):
            problem = "fail must have failure codes by region"
    if problem:
        raise EcrError("ServerException", f"{FILE} of the local ECR: {problem}.", status=500)
    checked: dict[str, Any] = knobs
    return checked


def _knobs(root: Path) -> dict[str, Any]:
    try:
        return check_knobs(json.loads((root / FILE).read_bytes()))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EcrError("ServerException", f"{FILE} of the local ECR is not JSON: {error}", status=500) from None


def copy(source: Core, repository: Repository, image: Image, target: Core, tags: list[str]) -> None:
    """Bring an image with all that it consists of into another registry's repository of the same name.

    Raises EcrError, and OSError where a blob cannot be linked or has gone.
    """
    there = target.store.repositories.find(repository.name) or target.store.repositories.create(repository.name)
    raw = source.store.images.raw(image)
    manifest = manifests.parse(raw, image.media_type)
    for digest in manifest.children:
        child = source.store.images.find(repository, digest=digest)
        if child is not None and target.store.images.find(there, digest=digest) is None:
            copy(source, repository, child, target, [])
    for digest in manifest.layers:
        target.store.layers.adopt(there, source.store.blobs.path(digest), digest)
    with target.store.db.transaction():
        present = set(target.store.images.tags(there))
        free = [tag for tag in tags if tag not in present or not is_locked(there.mutability, there.filters, tag)]
        target.put_image(there, raw, media_type=image.media_type, digest=image.digest, tags=free, replicate=False)


class Replicator:
    """Copies in a thread of its own, which sleeps while there is nothing to do."""

    def __init__(self, registries: Registries) -> None:
        self._registries = registries
        self._sources: dict[str, Core] = {}
        self._woken = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.copying = threading.Lock()
        """Held while an image is copied: who holds it knows that nothing arrives."""

    def wake(self, source: Core) -> None:
        """There is something to do for a registry's images."""
        with self._changed:
            self._sources[source.place] = source
            self._woken = True
            self._changed.notify()
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="local-ecr-replicate", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Finish the copy under way; what is left to do is done after the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._woken = False
                sources = list(self._sources.values())
            waiting = False
            for source in sources:
                waiting = self._work(source) or waiting
            with self._changed:
                if not self._woken and not self._stopping:
                    self._changed.wait(_LOOK_SECONDS if waiting else None)
                if self._stopping:
                    return

    def _work(self, source: Core) -> bool:
        """Do what can be done for a registry; whether something has to wait."""
        waiting = False
        for row in source.store.db.rows(_PENDING):
            if self._stopping:
                return True
            try:
                knobs = _knobs(self._registries.root)
                if time.time() < row["begun"] + knobs.get("delay", 0):
                    waiting = True
                    continue
                fail = knobs.get("fail", {})
                failure = next((code for region, code in fail.items() if matches(region, row["region"])), None)
                if failure is None:
                    with self.copying:
                        self._copy(source, row)
            except EcrError as error:
                failure = error.name
                sys.stderr.write(f"local ECR: replication to {row['account']} in {row['region']}: {error.message}\n")
            except Exception as error:
                failure = "ServerException"
                sys.stderr.write(f"local ECR: replication to {row['account']} in {row['region']}: {error!r}\n")
            with source.store.db.transaction() as db:
                # Unless it was pushed again meanwhile, and has more to do.
                db.execute(
                    "UPDATE replication SET status = ?, failure = ?, tags = '[]'"
                    " WHERE image = ? AND account = ? AND region = ? AND begun = ?",
                    (
                        *("COMPLETE" if failure is None else "FAILED", failure),
                        *(row["image"], row["account"], row["region"], row["begun"]),
                    ),
                )
        return waiting

    def _copy(self, source: Core, row: Any) -> None:
        found = source.store.db.row(
            "SELECT repository.name, image.digest FROM image JOIN repository ON repository.id = image.repository"
            " WHERE image.id = ?",
            row["image"],
        )
        if found is None:
            return  # deleted meanwhile, as is its status
        repository = source.store.repositories.get(found["name"])
        image = source.store.images.find(repository, digest=found["digest"])
        if image is not None:
            target = self._registries.create(row["account"], row["region"])
            copy(source, repository, image, target, json.loads(row["tags"]))
