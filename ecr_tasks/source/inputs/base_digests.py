"""Look up the digests of base images with docker, and resolve references as the builder would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.redaction import redact
from ecr_tasks.source.build_context.base_images import BaseImage, pinned_digest
from ecr_tasks.source.build_context.unknown import Unknown

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Docker, Engine

PARALLEL = 8
"""The number of images that are looked up at the same time."""


def resolve_digests(
    always_pulled: Mapping[BaseImage, bool],
    docker: Docker,
    builder: str | None,
    engine: Callable[[], Engine | Unknown],
    log_in: Callable[[Iterable[str]], Mapping[str, EcrTasksError]],
) -> dict[BaseImage, str | Unknown]:
    """Return a digest for each image, or the reason why it is unknown.

    It is the digest in the reference, in the local store or in the registry, in this order. ``always_pulled`` has
    the images, and True for those that the build pulls even when the store has them. ``log_in`` logs docker in to
    the registries of references; of a reference whose registry gives no token, and which can't be read without, its
    error is the reason.
    """
    refused: Mapping[str, EcrTasksError] = {}

    def look_up(reference: str, *, local: bool) -> str | Unknown:
        if redact(reference) != reference:  # docker would get it as an argument, which every user can read
            return Unknown(f"the name of its base image {reference} has a secret in it")
        try:
            digest = docker.image_digest(reference, builder, local=local)
        except EcrTasksError as error:
            return _no_digest(refused.get(reference, error))
        return digest or Unknown(f"{reference} has no digest")

    digests: dict[BaseImage, str | Unknown] = {
        base: digest for base in always_pulled if (digest := pinned_digest(base.reference))
    }
    unpinned = [base for base in always_pulled if base not in digests]
    if not unpinned:
        return digests
    local = [base for base in unpinned if not always_pulled[base] and is_taken_from_store(base, engine())]
    with ThreadPoolExecutor(PARALLEL) as pool:
        local_digests = pool.map(lambda base: look_up(base.reference, local=True), local)
        digests |= {
            base: digest for base, digest in zip(local, local_digests, strict=True) if isinstance(digest, str)
        }
        references = sorted({base.reference for base in unpinned if base not in digests})
        refused = log_in(references)
        remote_digests = pool.map(lambda reference: look_up(reference, local=False), references)
        remote = dict(zip(references, remote_digests, strict=True))
    return digests | {base: remote[base.reference] for base in unpinned if base not in digests}


def is_taken_from_store(base: BaseImage, engine: Engine | Unknown) -> bool:
    """Return whether the build uses an image from the engine's store, if the store has it.

    Only the engine's own builder does; from a classic store it uses only images of the engine's platform.
    (buildx sets image-resolve-mode=local for it, moby's builder-next compares platforms.)
    """
    if isinstance(engine, Unknown) or engine.driver != "docker":
        return False
    return engine.containerd_store or base.platform in ("", engine.platform)


def _no_digest(error: EcrTasksError) -> Unknown:
    return Unknown(f"a base image's digest is not known ({error.cause.rstrip('.')})")
