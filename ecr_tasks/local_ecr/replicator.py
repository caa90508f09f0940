"""Replication: pushed images are copied, a moment later, to the destinations of the registry's rules.

As in ECR only images that are pushed after the rules were set are copied; deletions and copies are not replicated.
A missing repository is created by the destination's creation template for it, or else with the default settings. A
tag that the destination has and locks stays where it is. Blobs are linked if possible. Registry policies are not
checked.

``replication.json`` in the data folder sets the delay and the failures::

    {"delay": 2.5, "fail": {"eu-west-3": "ServerException"}}

``delay`` is how many seconds a replication stays IN_PROGRESS; ``fail`` has failure codes by region (a wildcard).
The file is read again until a replication ends. This module is imported only if a registry has rules.
"""

from __future__ import annotations

import sys
import threading
import time

from . import creation_templates, manifests, replication_rules
from .errors import EcrError
from .json_text import parse_json
from .mutability import is_locked
from .put_image import put_image
from .store.database import stored_json
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from .registry import AllRegistries, Registry
    from .store.images import Image
    from .store.repositories import Repository

FILE = "replication.json"
_POLL_SECONDS = 0.05


def check_simulation(document: Any) -> dict[str, Any]:
    """Return the content of ``replication.json`` if it is valid. Raises ServerException."""
    problem = None
    simulation: dict[str, Any] = document if isinstance(document, dict) else {"": None}  # refused below
    delay, codes = simulation.get("delay", 0), simulation.get("fail", {})
    if set(simulation) - {"delay", "fail"}:
        problem = "it must be an object with delay and fail"
    elif not isinstance(delay, (int, float)) or delay < 0:
        problem = "delay must be a number of seconds"
    elif not isinstance(codes, dict) or not all(isinstance(code, str) and code for code in codes.values()):
        problem = "fail must have failure codes by region"
    if problem:
        raise EcrError("ServerException", f"{FILE} of the local ECR: {problem}.", status=500)
    return simulation


def _simulation(root: Path) -> dict[str, Any]:
    try:
        return check_simulation(parse_json((root / FILE).read_bytes()))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EcrError("ServerException", f"{FILE} of the local ECR is not JSON: {error}", status=500) from None


def copy(source: Registry, repository: Repository, image: Image, target: Registry, tags: list[str]) -> None:
    """Copy an image, its children and its layers to the repository of the same name in another registry.

    Raises EcrError, and OSError if a blob cannot be linked or is missing.
    """
    name = repository.name
    destination = target.store.repositories.find(name) or creation_templates.create(
        target, name, creation_templates.find(target, name, "REPLICATION")
    )
    raw = source.store.images.raw(image)
    manifest = manifests.parse(raw, image.media_type)
    for digest in manifest.children:
        child = source.store.images.find(repository, digest=digest)
        if child is not None and target.store.images.find(destination, digest=digest) is None:
            copy(source, repository, child, target, [])
    for digest in manifest.layers:
        target.store.layers.adopt(destination, source.store.blobs.path(digest), digest)
    with target.store.db.transaction():
        existing_tags = target.store.images.tags(destination)
        locked = {tag for tag in existing_tags if is_locked(destination.mutability, destination.filters, tag)}
        settable = [tag for tag in tags if tag not in locked]
        identity = {"media_type": image.media_type, "digest": image.digest}
        put_image(target, destination, raw, **identity, tags=settable, replicate=False)


class Replicator:
    """Copy images in a background thread, which sleeps while nothing is pending."""

    def __init__(self, registries: AllRegistries) -> None:
        self._registries = registries
        self._sources: dict[str, Registry] = {}
        self._wake_requested = False
        self._stopping = False
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self.copy_lock = threading.Lock()
        """Held while an image is copied; take it to prevent copies."""

    def wake(self, source: Registry) -> None:
        """Make the thread copy the pending images of a registry."""
        with self._condition:
            self._sources[source.name] = source
            self._wake_requested = True
            self._condition.notify()
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="local-ecr-replicate", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Finish the current copy and end the thread; images still pending are copied after the next start."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._wake_requested = False
                sources = list(self._sources.values())
            delayed = [self._copy_pending(source) for source in sources]
            with self._condition:
                if not self._wake_requested and not self._stopping:
                    self._condition.wait(_POLL_SECONDS if any(delayed) else None)
                if self._stopping:
                    return

    def _copy_pending(self, source: Registry) -> bool:
        """Copy the pending images of a registry; returns whether one must wait for its delay to pass."""
        delayed = False
        for row in replication_rules.pending(source):
            if self._stopping:
                return True
            try:
                simulation = _simulation(self._registries.root)
                if time.time() < row["begun"] + simulation.get("delay", 0):
                    delayed = True
                    continue
                codes = simulation.get("fail", {})
                failure = next((code for region, code in codes.items() if matches(region, row["region"])), None)
                if failure is None:
                    with self.copy_lock:
                        self._copy(source, row)
            except Exception as error:
                failure, cause = "ServerException", repr(error)
                if isinstance(error, EcrError):
                    failure, cause = error.name, error.message
                sys.stderr.write(f"local ECR: replication to {row['account']} in {row['region']}: {cause}\n")
            replication_rules.record_end(source, row, failure)
        return delayed

    def _copy(self, source: Registry, row: Any) -> None:
        image_row = source.store.db.row(
            "SELECT repository.name, image.digest FROM image JOIN repository ON repository.id = image.repository"
            " WHERE image.id = ?",
            row["image"],
        )
        if image_row is None:
            return  # the image was deleted, and its replication status with it
        repository = source.store.repositories.get(image_row["name"])
        image = source.store.images.find(repository, digest=image_row["digest"])
        if image is not None:
            target = self._registries.create(row["account"], row["region"])
            copy(source, repository, image, target, stored_json(row["tags"]))
