"""The manifest of an image that was just pushed: the builder still has it, so that it need not be pulled."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import begin
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Docker, Target


def push_with_manifest(reference: str, built: Built, docker: Docker, registry: Target) -> str | None:
    """Push a reference of a build; return and keep its manifest, if the builder has it (:func:`with_manifest`).

    buildx takes half a second for it, which a small upload takes, too: it is asked meanwhile.
    """
    manifest = begin(partial(_kept_manifest, built, docker, registry))
    docker.push(reference)
    with suppress(EcrTasksError):
        return manifest()
    return None


def _kept_manifest(built: Built, docker: Docker, registry: Target) -> str | None:
    text = docker.built_manifest(built.digest, built.record) if built.digest and built.record else None
    if text is not None:
        registry.remember(text)
    return text


def with_manifest(
    image: StoredImage, record: str | None, repository: Repository, docker: Docker, registry: Target
) -> StoredImage:
    """Return an image of the registry with its manifest; ``record`` is the builder's of the build that made it.

    Where the builder doesn't have it (no record, an older buildx, a classic store, which makes the manifest only when
    it pushes), it is read from the registry, which ECR counts as a pull.
    """
    if image.is_read:
        return image
    text = docker.built_manifest(image.digest, record) if record else None
    if text is None:
        return registry.read(repository, image)
    registry.remember(text)
    return image.with_manifest(text)
