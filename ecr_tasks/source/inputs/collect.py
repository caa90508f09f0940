"""Collects the inputs of images: reads the local files, and gets the base images' digests from docker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BuildDefinition, Image, Inputs
from ecr_tasks.model.manifest import INPUTS, INPUTS_TRACKED
from ecr_tasks.model.ports import Docker, Engine
from ecr_tasks.one_line import one_line
from ecr_tasks.redaction import redact
from ecr_tasks.source.bases import locked_place
from ecr_tasks.source.build_context.base_images import BaseImage, familiar_name, pinned_digest
from ecr_tasks.source.build_context.references import build_references
from ecr_tasks.source.build_context.unknown import Unknown
from ecr_tasks.source.git.index import Indexes, indexes
from ecr_tasks.source.inputs.base_digests import resolve_digests
from ecr_tasks.source.inputs.digest import inputs_digest
from ecr_tasks.source.inputs.local import Local, read_local


@dataclass(frozen=True)
class _BeforeDigests:
    """The inputs of one image without its base images' digests; ``unknown`` is why the inputs can have no digest."""

    definition: BuildDefinition
    local: Local | None = None
    platforms: tuple[str, ...] = ()
    bases: frozenset[BaseImage] = frozenset()
    unknown: str | None = None


def with_inputs(
    images: Sequence[Image],
    *,
    project: Path,
    docker: Docker,
    builder: str | None,
    environ: Mapping[str, str],
    root: Path | None = None,
    log_in: Callable[[Iterable[str]], Mapping[str, EcrTasksError]],
) -> tuple[Image, ...]:
    """Return the images with their inputs, and with annotations that hold the inputs' digests.

    ``log_in`` logs docker in to the registries of image references, and returns the references of those whose tokens
    it can't get, with the error. Paths are relative to ``project``; ``root`` is the top of its checkout, which is for
    git, as ``environ`` is. Unknown inputs are no error: the image is then identified by its commit alone. Raises
    SettingsError for a malformed .dockerignore.
    """

    @cache
    def engine() -> Engine | Unknown:
        try:
            return docker.engine(builder)
        except EcrTasksError as error:
            return Unknown(error.cause.rstrip("."))

    read_index = indexes(root if len(images) > 1 else None, environ)
    partial_inputs = [
        _before_digests(image.configured_definition or image.definition, project, engine, read_index)
        for image in images
    ]
    pulled: dict[BaseImage, bool] = {}
    for image, part in zip(images, partial_inputs, strict=True):
        pulls = any(definition.extra.get("pull") for definition in image.definition.with_links())
        pulled |= {base: pulls or pulled.get(base, False) for base in part.bases}
    locked = {
        base: digest
        for image in images
        for item in image.definition.with_links()
        for base in pulled
        if (place := locked_place(item, base.reference)) and (digest := pinned_digest(place))
    }
    unlocked = {base: pulls for base, pulls in pulled.items() if base not in locked}
    digests = {**resolve_digests(unlocked, docker, builder, engine, log_in), **locked}
    inputs = (_inputs(part, digests) for part in partial_inputs)
    return tuple(_annotated(image, image_inputs) for image, image_inputs in zip(images, inputs, strict=True))


def _before_digests(
    definition: BuildDefinition, project: Path, engine: Callable[[], Engine | Unknown], read_index: Indexes
) -> _BeforeDigests:
    local = None
    try:
        local = read_local(definition, project, read_index)
        platforms = definition.platforms or (_platform(engine()),)
        return _BeforeDigests(definition, local, platforms, _bases(definition, local, platforms, engine))
    except Unknown as error:
        return _BeforeDigests(definition, local, unknown=str(error))


def _platform(engine: Engine | Unknown) -> str:
    if isinstance(engine, Unknown):
        raise engine
    return engine.platform


def _bases(
    definition: BuildDefinition, local: Local, platforms: Sequence[str], engine: Callable[[], Engine | Unknown]
) -> frozenset[BaseImage]:
    """Return every image that the build reads on any of the platforms, also in the targets that it links to.

    Raises Unknown when there may be inputs that are not known.
    """
    build_platform = _platform(engine()) if b"BUILD" in local.dockerfile else platforms[0]
    references = build_references(definition, local.dockerfile, platforms, build_platform)
    if references.unknown:
        raise Unknown(references.unknown)
    linked = (
        _bases(target, local.linked[name], target.platforms or platforms, engine)
        for name, target in definition.linked.items()
    )
    return references.images.union(*linked)


def _inputs(item: _BeforeDigests, digests: Mapping[BaseImage, str | Unknown]) -> Inputs:
    if item.local is None:
        return Inputs(unknown_reason=item.unknown)
    base_digests = {familiar_name(base.reference): str(digests[base]) for base in sorted(item.bases)}
    unresolved = [digests[base] for base in sorted(item.bases) if isinstance(digests[base], Unknown)]
    unknown = item.unknown or (str(unresolved[0]) if unresolved else None)
    unknown = one_line(redact(unknown)) if unknown else None
    local, unshared = item.local.digest, item.local.unshared(item.definition)
    whole = None if unknown else inputs_digest(item.definition, local, item.platforms, base_digests)
    return Inputs(whole, item.local.tracked_digest, unknown, unshared, local, item.local.context.files)


def _annotated(image: Image, inputs: Inputs) -> Image:
    """Return the image with its inputs and, if their digests are known, with annotations that hold them."""
    if inputs.digest is None or inputs.tracked_digest is None:
        return replace(image, inputs=inputs)
    annotations = {**image.definition.annotations, INPUTS: inputs.digest, INPUTS_TRACKED: inputs.tracked_digest}
    return replace(image, definition=replace(image.definition, annotations=annotations), inputs=inputs)
