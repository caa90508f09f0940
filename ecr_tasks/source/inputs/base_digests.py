"""The digests of base images, as the builder would resolve them; docker is asked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.ports import Docker, Engine
from ecr_tasks.source.build_context.base_images import BaseImage, pinned_digest
from ecr_tasks.source.build_context.unknown import Unknown

PARALLEL = 8
"""How many images are looked up at once."""


def resolve_digests(
    pulled: Mapping[BaseImage, bool],
    docker: Docker,
    builder: str | None,
    engine: Callable[[], Engine | Unknown],
    log_in: Callable[[Iterable[str]], None],
) -> dict[BaseImage, str | Unknown]:
    """Return a digest for each image, or why there is none: the reference's own, the local store's or the registry's.

    ``pulled`` holds the images, each with whether the build pulls it whatever the store has. ``log_in`` logs docker
    in to the registries of references.
    """

    def look_up(reference: str, *, local: bool) -> str | Unknown:
        try:
            digest = docker.image_digest(reference, builder, local=local)
        except EcrTasksError as error:
            return _no_digest(error)
        return digest or Unknown(f"{reference} has no digest")

    digests: dict[BaseImage, str | Unknown] = {
        base: digest for base in pulled if (digest := pinned_digest(base.reference))
    }
    others = [base for base in pulled if base not in digests]
    if not others:
        return digests
    local = [base for base in others if not pulled[base] and _is_taken_from_store(base, engine())]
    with ThreadPoolExecutor(PARALLEL) as pool:
        stored = pool.map(lambda base: look_up(base.reference, local=True), local)
        digests |= {base: digest for base, digest in zip(local, stored, strict=True) if isinstance(digest, str)}
        references = sorted({base.reference for base in others if base not in digests})
        try:
            log_in(references)
        except EcrTasksError as error:
            remote: dict[str, str | Unknown] = dict.fromkeys(references, _no_digest(error))
        else:
            answers = pool.map(lambda reference: look_up(reference, local=False), references)
            remote = dict(zip(references, answers, strict=True))
    return digests | {base: remote[base.reference] for base in others if base not in digests}


def _is_taken_from_store(base: BaseImage, engine: Engine | Unknown) -> bool:
    """Tell whether the build takes an image from the engine's store, if it is there.

    The engine's own builder uses what the store has; the classic store's images only where the platform is right.
    (buildx sets image-resolve-mode=local for it, moby's builder-next compares platforms.)
    """
    if isinstance(engine, Unknown) or engine.driver != "docker":
        return False
    return engine.containerd_store or base.platform == engine.platform


def _no_digest(error: EcrTasksError) -> Unknown:
    return Unknown(f"a base image's digest is not known ({error.cause.rstrip('.')})")
