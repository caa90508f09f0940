"""Look whether the images that builds read are there: in the engine's store, or at a registry that lets us in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ecr_tasks.checks.build_definition import IN_STORE
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import BuildError, EcrTasksError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.ports import Docker, Engine
from ecr_tasks.redaction import redact
from ecr_tasks.source.bases import locked_place
from ecr_tasks.source.build_context.base_images import BaseImage
from ecr_tasks.source.build_context.references import LAYOUT, read_references
from ecr_tasks.source.inputs.base_digests import is_taken_from_store

PARALLEL = 8
"""How many images are looked for at the same time."""


def base_images(definitions: Iterable[BuildDefinition], platform: Callable[[], str]) -> dict[BaseImage, bool]:
    """Return the images that builds read, each with whether it is pulled even where the store has it.

    Those that are locked, or in a mirror, are there as the build reads them. An image layout in a folder is none of
    a registry's.
    """
    found: dict[BaseImage, bool] = {}
    for definition in definitions:
        references = read_references(definition, platform)
        for base in references.images:
            if not base.reference.startswith(LAYOUT):
                always = bool(definition.extra.get("pull")) or base.reference == references.frontend
                read = replace(base, reference=locked_place(definition, base.reference) or base.reference)
                found[read] = found.get(read, False) or always
    return found


def look_for(
    bases: Mapping[BaseImage, bool],
    docker: Docker,
    builder: str | None,
    engine: Engine,
    log_in: Callable[[Iterable[str]], Mapping[str, EcrTasksError]],
    retrier: Retrier,
) -> dict[str, str | EcrTasksError]:
    """Return where each image was found, or why it was not, by its reference.

    ``log_in`` logs docker in to the registries of references, and returns the errors of those that give no token.
    """
    stored = {
        base.reference
        for base, always in bases.items()
        if not always and is_taken_from_store(base, engine) and _is_stored(docker, base.reference)
    }
    others = sorted({base.reference for base in bases} - stored)
    refused = log_in(others)

    def look(reference: str) -> str | EcrTasksError:
        try:
            docker.image_digest(reference, builder, local=False)
        except EcrTasksError as error:
            return refused.get(reference, error)
        return "its registry"

    found: Sequence[str | EcrTasksError] = map_parallel(look, others, PARALLEL, retrier)
    return {**dict.fromkeys(sorted(stored), IN_STORE), **dict(zip(others, found, strict=True))}


def _is_stored(docker: Docker, reference: str) -> bool:
    try:
        return bool(docker.image_id(reference))
    except EcrTasksError:
        return False


def current_digests(
    references: Sequence[str],
    seconds: float | None = None,
    *,
    docker: Docker,
    builder: str | None,
    log_in: Callable[[Iterable[str]], Mapping[str, EcrTasksError]],
    retrier: Retrier,
) -> dict[str, str | EcrTasksError]:
    """Return the digests that references have in their registries now, or why there is none; nothing is pulled.

    Each answer may take so many ``seconds``, if that is given.
    """
    refused = log_in(references)

    def look(reference: str) -> str | EcrTasksError:
        if redact(reference) != reference:  # docker would get it as an argument, which every user can read
            return BuildError(f"The name {reference} has a secret in it.", "Name the image without it.")
        try:
            digest = docker.image_digest(reference, builder, local=False, seconds=seconds)
        except EcrTasksError as error:
            return refused.get(reference, error)
        return digest or BuildError(f"{reference} has no digest.", "Name an image of a registry.")

    return dict(zip(references, map_parallel(look, references, PARALLEL, retrier), strict=True))
