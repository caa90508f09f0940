"""Replication: pushed images are copied, a moment later, to the registries in the registry's rules.

As in ECR: only images that are pushed after the rules were set, no deletions, no copies of copies; into
repositories that are created with the default settings; where a tag is locked and taken at the destination,
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

from . import manifests, replication_rules
from .errors import EcrError
from .mutability import is_locked
from .put_image import put_image
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
    simulation: dict[str, Any] = document if isinstance(document, dict) else {"": None}
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
        return check_simulation(json.loads((root / FILE).read_bytes()))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EcrError("ServerException", f"{FILE} of the local ECR is not JSON: {error}", status=500) from None


def copy(source: Registry, repository: Repository, image: Image, target: Registry, tags: list[str]) -> None:
    """Copy an image with everything in it to another registry's repository of the same name.

    Raises EcrError, and OSError where a blob cannot be linked or has gone.
    """
    destination = target.store.repositories.find(repository.name) or target.store.repositories.create(repository.name)
    raw = source.store.images.raw(image)
    manifest = manifests.parse(raw, image.media_type)
    for digest in manifest.children:
        child = source.store.images.find(repository, digest=digest)
        if child is not None and target.store.images.find(destination, digest=digest) is None:
            copy(source, repository, child, target, [])
    for digest in manifest.layers:
        target.store.layers.adopt(destination, source.store.blobs.path(digest), digest)
    with target.store.db.transaction():
        present = target.store.images.tags(destination)
        locked = {tag for tag in present if is_locked(destination.mutability, destination.filters, tag)}
        settable = [tag for tag in tags if tag not in locked]
        names = {"media_type": image.media_type, "digest": image.digest}
        put_image(target, destination, raw, **names, tags=settable, replicate=False)


class Replicator:
    """Copies in a thread of its own, which sleeps while there is nothing to do."""

    def __init__(self, registries: AllRegistries) -> None:
        self._registries = registries
        self._sources: dict[str, Registry] = {}
        self._woken = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.copy_lock = threading.Lock()
        """Held while an image is copied: whoever holds it knows that nothing arrives."""

    def wake(self, source: Registry) -> None:
        """Copy what is pending in a registry."""
        with self._changed:
            self._sources[source.name] = source
            self._woken = True
            self._changed.notify()
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="local-ecr-replicate", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Finish the copy under way; what is still pending is copied after the next start."""
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
            delayed = [self._copy_pending(source) for source in sources]
            with self._changed:
                if not self._woken and not self._stopping:
                    self._changed.wait(_POLL_SECONDS if any(delayed) else None)
                if self._stopping:
                    return

    def _copy_pending(self, source: Registry) -> bool:
        """Copy what is pending in a registry; returns whether something must wait for its delay to pass."""
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
        names = source.store.db.row(
            "SELECT repository.name, image.digest FROM image JOIN repository ON repository.id = image.repository"
            " WHERE image.id = ?",
            row["image"],
        )
        if names is None:
            return  # deleted meanwhile, as is its status
        repository = source.store.repositories.get(names["name"])
        image = source.store.images.find(repository, digest=names["digest"])
        if image is not None:
            target = self._registries.create(row["account"], row["region"])
            copy(source, repository, image, target, json.loads(row["tags"]))
