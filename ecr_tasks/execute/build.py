"""Build planned images and record the results, so that exactly those are pushed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ecr_tasks.errors import BuildError, EcrTasksError, LostBuild, RegistryError
from ecr_tasks.execute.earlier_builds import image_key
from ecr_tasks.execute.from_builder import (
    build_records,
    built_manifests,
    loaded_image,
    platform_inputs,
    platform_provenance,
)
from ecr_tasks.model.attestation import MadeDocument
from ecr_tasks.model.image import BuildInput, Image, Keep
from ecr_tasks.model.receipt import Built
from ecr_tasks.plan.batches import batches
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Engine, ImageBuilder


def build(
    images: Sequence[Image],
    source: SourceState,
    docker: ImageBuilder,
    *,
    builder: str | None,
    keep: Mapping[str, Keep],
    references: Mapping[str, str] = MappingProxyType({}),
    engine: Engine | None = None,
) -> dict[str, Built]:
    """Build all images in one bake and give them their local names, ``repository:tag``.

    ``references`` are registry names that come first, by image name; only for images whose push lock this run holds.
    ``engine`` is needed for images that the builder keeps. Returns the results by image name. Raises BuildError with
    the failing step.
    """
    began = time.monotonic()

    def names(image: Image) -> tuple[str, ...]:
        local = tuple(f"{image.repository}:{tag.name}" for tag in image.local_tags)
        in_registry = references.get(image.name) if keep[image.name] == "store" else None
        return (in_registry, *local) if in_registry else local

    inputs = [
        build_input for image in images for build_input in build_inputs(image, keep[image.name], names(image), engine)
    ]
    results = docker.build(inputs, builder)
    seconds = round(time.monotonic() - began, 3)
    builds = {}
    for image in images:
        key = image_key(image, source)
        if keep[image.name] == "store":
            result, reference = results[image.name], references.get(image.name)
            digests = (result.digest, result.image_id, result.platforms)
            built = Built(image.name, key, *digests, "store", seconds, reference)
            told = [(platform or _only(result.platforms), item) for platform, item in result.provenance.items()]
            built = replace(built, record=result.record)
        else:
            manifests, digest = built_manifests(image.name, image.definition, results)
            built = Built(image.name, key, digest, None, tuple(manifests), "builder", seconds)
            loaded = loaded_image(image.name, image.definition, results, engine.platform if engine else "")
            builder_name = engine.builder if engine else builder
            records = build_records(image.name, image.definition, results)
            built = replace(built, manifests=manifests, builder=builder_name, records=records, loaded=loaded)
            told = [*platform_provenance(image.name, image.definition, results)]
        builds[image.name] = replace(built, provenance=_provenance(image, told))
    return builds


def build_apart(
    images: Sequence[Image],
    make: Callable[[Sequence[Image]], Mapping[str, Built]],
    *,
    fail_fast: bool = False,
) -> tuple[dict[str, Built], dict[str, EcrTasksError]]:
    """Build images as :func:`build_in_batches` does; return all results and all errors, by name."""
    built: dict[str, Built] = {}
    failed: dict[str, EcrTasksError] = {}
    for results, errors in build_in_batches(images, make, fail_fast=fail_fast):
        built |= results
        failed |= errors
    return built, failed


def build_in_batches(
    images: Sequence[Image],
    make: Callable[[Sequence[Image]], Mapping[str, Built]],
    *,
    fail_fast: bool = False,
) -> Iterator[tuple[Mapping[str, Built], Mapping[str, EcrTasksError]]]:
    """Build images in batches by ``make``, and without those that fail; yield the results and the errors of each, by
    name.

    buildx stops every build of a bake when one fails (docker/buildx#3297): the others are built once more then, which
    takes what is done from the builder's cache, but not with ``fail_fast``. Where a builder loses builds, fewer are
    built at once. Raises an error that is about no image, such as that of an engine that is gone, as long as nothing
    is built.
    """
    is_first = True
    pending = batches(images)
    while pending:
        batch = pending.pop(0)
        try:
            built = make(batch)
        except (BuildError, RegistryError) as error:
            reason: EcrTasksError = error
        else:
            is_first = False
            yield built, {}
            continue
        if isinstance(reason, LostBuild) and len(batch) > 1:
            middle = len(batch) // 2
            pending = [batch[:middle], batch[middle:], *pending]
            continue
        about = {name.partition(" ")[0] for name in reason.about}
        if isinstance(reason, LostBuild) or len(images) == 1:
            about.add(batch[0].name)
        names = [image.name for image in batch if image.name in about]
        if not names and is_first:
            raise reason
        if not names:  # it is about the engine or a registry, and so about all that is left
            names, pending = [image.name for other in (batch, *pending) for image in other], []
        if rest := [image for image in batch if image.name not in names]:
            pending.insert(0, rest)
        is_first = False
        yield {}, dict.fromkeys(names, reason)
        if fail_fast:
            return


def build_inputs(image: Image, keep: Keep, names: tuple[str, ...], engine: Engine | None = None) -> list[BuildInput]:
    """Return what is built for an image, which gets these names and stays in the store or with the builder."""
    provenance = "provenance" in image.referrer_kinds
    if keep == "builder":
        platform, loads = (engine.platform, engine.loads) if engine else ("", True)
        return [*platform_inputs(image.name, image.definition, names, platform, provenance=provenance, loads=loads)]
    return [BuildInput(image.name, image.definition, names, provenance=provenance)]


def _only(platforms: Sequence[str]) -> str:
    return platforms[0] if len(platforms) == 1 else ""


def _provenance(image: Image, told: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[MadeDocument, ...]:
    """Return what the builder told of a build, as it may be attached; nothing where that wasn't asked for.

    Raises BuildError when it was, and the builder told nothing, or in a form that isn't known.
    """
    if "provenance" not in image.referrer_kinds:
        return ()
    from ecr_tasks.plan.provenance import attachable_provenance

    several = image.definition.makes_index
    documents = [attachable_provenance(predicate, platform if several else "") for platform, predicate in told]
    known = tuple(document for document in documents if document is not None)
    if len(known) < max(1, len(image.definition.platforms)):
        raise BuildError(
            f"The builder doesn't tell how it built {image.name}, so there is no provenance to attach to it.",
            "Update buildx and the builder (BuildKit 0.11 and buildx 0.14 tell it), or leave out ECR_ATTEST.",
        )
    return known
