"""Finds out the inputs of images: what lies here is read, and docker is asked for the base images' digests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ecr_tasks.errors import BuildError, redact
from ecr_tasks.model.image import BuildDefinition, Image, Inputs
from ecr_tasks.model.manifest import INPUTS, INPUTS_TRACKED
from ecr_tasks.model.ports import Docker
from ecr_tasks.source.build_context.base_images import Base, bases, familiar
from ecr_tasks.source.build_context.dockerfile import parse
from ecr_tasks.source.build_context.unknown import Untold
from ecr_tasks.source.inputs.base_digests import Asked, Digests
from ecr_tasks.source.inputs.digest import inputs_digest
from ecr_tasks.source.inputs.local import IMAGE, LAYOUT, Local, read_local

SHOWN = 3
"""How many files a message names."""


@dataclass(frozen=True)
class _Known:
    """What is known of one image before docker is asked; ``untold`` is why it can't become a digest."""

    definition: BuildDefinition
    local: Local | None = None
    platforms: tuple[str, ...] = ()
    bases: frozenset[Base] = frozenset()
    untold: str | None = None


def with_inputs(
    images: Sequence[Image],
    *,
    project: Path,
    docker: Docker,
    builder: str | None,
    environ: Mapping[str, str],
    let_in: Callable[[Iterable[str]], None],
) -> tuple[Image, ...]:
    """The images with their inputs, which become an annotation of what is built.

    ``let_in`` logs docker in where these references are. Relative paths are meant from ``project``. What can't be
    told is no error: it is then known by its commit alone. SettingsError for a malformed .dockerignore.
    """
    engine = Asked(docker, builder)
    known = [_known(image.bare or image.definition, project, engine, environ) for image in images]
    wanted = {base: bool(item.definition.extra.get("pull")) for item in known for base in item.bases}
    found = Digests(docker, builder, engine, let_in).find(wanted)
    return tuple(_with(image, _inputs(item, found)) for image, item in zip(images, known, strict=True))


def check_unchanged(images: Sequence[Image], *, project: Path, environ: Mapping[str, str]) -> None:
    """Raises BuildError where what lies here isn't any more what it was before the build.

    The image says of itself that it is made of what was there before, and would be taken for that ever after.
    """
    for image in images:
        if image.inputs is None or image.inputs.digest is None:
            continue
        try:
            now = read_local(image.bare or image.definition, project, environ)
        except Untold as untold:
            raise _changed(image.name, untold.reason) from untold
        if now.digest != image.inputs.local:
            before, files = image.inputs.files, now.context.files
            paths = [path for path in sorted({*before, *files}) if before.get(path) != files.get(path)]
            raise _changed(image.name, some(paths) or "the Dockerfile, or a named context")


def some(paths: Sequence[str]) -> str:
    """A few of these, and how many there are besides."""
    return ", ".join(paths[:SHOWN]) + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")


def _changed(name: str, what: str) -> BuildError:
    return BuildError(
        f"What {name} is built from changed during the build ({what}), so the image is not what it says it is.",
        "Run it again; keep what other programs write to out of the context (.dockerignore).",
    )


def _known(definition: BuildDefinition, project: Path, engine: Asked, environ: Mapping[str, str]) -> _Known:
    local = None
    try:
        local = read_local(definition, project, environ)
        platforms = definition.platforms or (engine.get().platform,)
        return _Known(definition, local, platforms, _bases(definition, local.dockerfile, platforms, engine))
    except Untold as untold:
        return _Known(definition, local, untold=untold.reason)


def _bases(definition: BuildDefinition, content: bytes, platforms: Sequence[str], engine: Asked) -> frozenset[Base]:
    """Every image that is needed, for any of the platforms; a named context's as well."""
    build_platform = engine.get().platform if b"BUILD" in content else platforms[0]
    dockerfile = parse(content)
    found = {
        base
        for platform in platforms
        for base in bases(
            dockerfile,
            target=definition.target,
            platform=platform,
            build_platform=build_platform,
            args=definition.args,
            contexts=definition.contexts,
        )
    }
    for value in definition.contexts.values():
        if value.startswith((IMAGE, LAYOUT)):
            found |= {Base(value.removeprefix(IMAGE), platform) for platform in platforms}
    return frozenset(found)


def _inputs(known: _Known, found: Mapping[Base, str | Untold]) -> Inputs:
    if known.local is None:
        return Inputs(untold=known.untold)
    digests: dict[str, str] = {}
    untold = known.untold
    for base in sorted(known.bases):
        digest = found[base]
        if isinstance(digest, Untold):
            untold = untold or digest.reason
        else:
            digests[familiar(base.reference)] = digest
    untold = redact(untold, known.definition.args.values()) if untold else None
    local, unshared = known.local.digest, known.local.unshared(known.definition)
    whole = None if untold else inputs_digest(known.definition, local, known.platforms, digests)
    return Inputs(whole, known.local.tracked_digest, untold, unshared, local, known.local.context.files)


def _with(image: Image, inputs: Inputs) -> Image:
    """The image as it says of itself what it is made of."""
    if inputs.digest is None or inputs.tracked is None:
        return replace(image, inputs=inputs)
    said = {INPUTS: inputs.digest, INPUTS_TRACKED: inputs.tracked}
    definition = replace(image.definition, annotations={**image.definition.annotations, **said})
    return replace(image, definition=definition, inputs=inputs)
