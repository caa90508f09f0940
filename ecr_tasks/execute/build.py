"""Build planned images and record the results, so that exactly those are pushed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

from ecr_tasks.errors import BuildError, EcrTasksError, LostBuild, RegistryError
from ecr_tasks.execute.from_builder import (
    build_records,
    built_manifests,
    loaded_image,
    platform_inputs,
    platform_provenance,
)
from ecr_tasks.model.attestation import MadeDocument
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.image import BuildDefinition, BuildInput, Image, Keep
from ecr_tasks.model.manifest import short_digest
from ecr_tasks.model.ports import Docker, Engine, ImageBuilder
from ecr_tasks.model.receipt import Built
from ecr_tasks.plan.batches import batches
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.provenance import attachable_provenance
from ecr_tasks.source.source_state import SourceState


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

    ``references`` are additional registry names, by image name; only for images whose push lock this run holds.
    ``engine`` is needed for images that the builder keeps. Returns the results by image name. Raises BuildError with
    the failing step.
    """
    began = time.monotonic()

    def names(image: Image) -> tuple[str, ...]:
        local = tuple(f"{image.repository}:{tag.name}" for tag in image.local_tags)
        in_registry = references.get(image.name) if keep[image.name] == "store" else None
        return (*local, in_registry) if in_registry else local

    inputs = [
        build_input for image in images for build_input in build_inputs(image, keep[image.name], names(image), engine)
    ]
    results = docker.build(inputs, builder)
    seconds = round(time.monotonic() - began, 3)
    builds = {}
    for image in images:
        key = _key(image, source)
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
    takes what is done from the builder's cache. Where a builder loses builds, fewer are built at once. Raises the
    first error with ``fail_fast``, and one that is about no image, such as that of an engine that is gone, as long as
    nothing is built.
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
        if fail_fast or (not names and is_first):
            raise reason
        if not names:  # it is about the engine or a registry, and so about all that is left
            names, pending = [image.name for other in (batch, *pending) for image in other], []
        if rest := [image for image in batch if image.name not in names]:
            pending.insert(0, rest)
        is_first = False
        yield {}, dict.fromkeys(names, reason)


def reuse_earlier_builds(
    items: Sequence[PlannedImage],
    earlier: Mapping[str, Built],
    source: SourceState,
    docker: Callable[[], Docker],
    say: Callable[[str], None],
) -> dict[str, Built]:
    """Return the earlier builds, by image name, that have the same inputs as now and still exist.

    ``docker`` is called only where an image is to be built. Say where the registry has another image of these
    inputs: it was published by another run, or by one that failed.
    """
    builds = {}
    for item in items:
        built = earlier.get(item.image.name)
        if built is None:
            continue
        if not item.build_needed:
            key = _key(item.image, source)
            is_known = item.published is not None and (built.digest is not None or item.published.is_read)
            is_same = key is not None and built.key == key
            if item.published and is_known and is_same and not built.is_stored_as(item.published):
                say(
                    f"{built.name}: {item.published.digest} is published and stays so; it is not what was built "
                    f"here, {built.id}, which `inv build push --republish` would publish beside it"
                )
            elif item.published and is_same and item.image.referrers and built.is_stored_as(item.published):
                builds[built.name] = built  # its push may have ended before everything was attached
            continue
        # The earlier build may be the published image itself; before --republish, it may be the one to publish.
        is_new = item.makes_revision and item.published and built.digest not in (None, item.published.digest)
        if item.rebuilds and item.published is not None and not is_new:
            continue
        key = _key(item.image, source)
        told = built.provenance or "provenance" not in item.image.referrer_kinds
        if key is not None and built.key == key and told and still_exists(built, docker()):
            say(f"{built.name}: built before, {short_digest(built.id)}")
            builds[built.name] = built
    return builds


def still_exists(built: Built, docker: Docker) -> bool:
    """Return whether an earlier build can still be pushed: the store has the image, or there is the builder.

    The store keeps the image until the end of the run.
    """
    try:
        if built.image_id is None:
            return bool(built.manifests) and docker.engine(built.builder).builder == built.builder
        docker.keep(built.image_id)
    except EcrTasksError:
        return False
    return True


def _key(image: Image, source: SourceState) -> str | None:
    return None if image.outside else build_key(image.definition, source)


def build_key(definition: BuildDefinition, source: SourceState) -> str | None:
    """Return a digest of everything that a build depends on; None without version control.

    Builds with equal keys have equal inputs, whatever they took anew. Build arguments are hashed, so that
    the key may be stored in a file.
    """
    if source.fingerprint is None:
        return None
    definition = definition.without_caches().without_fresh_options()
    document = {"definition": asdict(definition), "source": source.fingerprint}
    text = json.dumps(document, sort_keys=True, default=dict)
    return sha256_digest(text)


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
    several = image.definition.makes_index
    documents = [attachable_provenance(predicate, platform if several else "") for platform, predicate in told]
    known = tuple(document for document in documents if document is not None)
    if len(known) < max(1, len(image.definition.platforms)):
        raise BuildError(
            f"The builder doesn't tell how it built {image.name}, so there is no provenance to attach to it.",
            "Update buildx and the builder (BuildKit 0.11 and buildx 0.14 tell it), or leave out ECR_ATTEST.",
        )
    return known
