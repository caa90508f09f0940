"""The manifest of an image that was just pushed: the builder still has it, so that it need not be pulled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Docker, Target
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository


def push_with_manifest(reference: str, built: Built, docker: Docker, registry: Target) -> None:
    """Push a reference of a build, and keep its manifest from the builder meanwhile, for :func:`with_manifest`.

    buildx takes half a second for it, which a small upload takes, too.
    """

    def remember(digest: str, record: str) -> None:
        if text := docker.built_manifest(digest, record):
            registry.remember(text)

    with ThreadPoolExecutor(1) as beside:
        if built.digest and built.record:
            beside.submit(remember, built.digest, built.record)
        docker.push(reference)


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
