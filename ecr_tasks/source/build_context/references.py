"""The references that a build reads and writes: base images, named contexts, its frontend, its scanner, its caches.

The inputs of an image and the logins before its build both come from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path

from ecr_tasks.files import read_bytes
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.ecr_host import host_of, parse_ecr_host
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.option_fields import cache_references, split_fields
from ecr_tasks.redaction import keep_build_arguments
from ecr_tasks.settings.parse.build_options import DEFAULT_DOCKERFILE, is_remote, is_remote_file
from ecr_tasks.source.build_context.base_images import BaseImage, base_images, frontend
from ecr_tasks.source.build_context.dockerfile import argument_defaults, parse
from ecr_tasks.source.build_context.dockerignore import dockerfile_path, existing_dockerfile
from ecr_tasks.source.build_context.unknown import Unknown

IMAGE = "docker-image://"
LAYOUT = "oci-layout://"
"""The prefixes of named contexts that are images: in a registry, in a folder."""


@dataclass(frozen=True)
class BuildReferences:
    """The references of one build.

    ``images`` decide what the image becomes; ``written`` are those of them that the Dockerfile itself names, and
    ``frontend`` is the one that reads it. ``caches`` and ``scanners`` (which make the SBOM) do not. ``unknown`` says
    why there may be other inputs; with ``may_be_more``, these may be images, and ``possible`` are build arguments
    that such an image may be named by.
    """

    images: frozenset[BaseImage] = frozenset()
    written: frozenset[BaseImage] = frozenset()
    caches: frozenset[str] = frozenset()
    scanners: frozenset[str] = frozenset()
    frontend: str | None = None
    possible: frozenset[str] = field(default=frozenset(), repr=False)
    unknown: str | None = None
    may_be_more: bool = False

    @property
    def all(self) -> frozenset[str]:
        """All references in registries."""
        images = {base.reference for base in self.images if not base.reference.startswith(LAYOUT)}
        return self.caches | self.scanners | images | (self.possible if self.may_be_more else frozenset())


def build_references(
    definition: BuildDefinition, dockerfile: bytes, platforms: Sequence[str], build_platform: str
) -> BuildReferences:
    """Return the references of a build for all its platforms; ``build_platform`` is the builder's own."""
    file = parse(dockerfile)
    keep_build_arguments({**argument_defaults(file), **definition.args})
    bases = [base_images(file, definition, platform, build_platform) for platform in platforms]
    named = [value.removeprefix(IMAGE) for value in definition.contexts.values() if value.startswith((IMAGE, LAYOUT))]
    images = [BaseImage(name, platform) for name in named for platform in platforms]
    written = frozenset[BaseImage]().union(*(base.images for base in bases))
    return BuildReferences(
        written.union(images),
        written,
        frozenset(cache_references((*definition.cache_from, *definition.cache_to))),
        frozenset(_scanners(definition)),
        frontend(file, definition),
        frozenset(_possible(definition)),
        next((base.unknown for base in bases if base.unknown), None),
        any(base.may_be_more for base in bases),
    )


def read_references(definition: BuildDefinition, builder_platform: Callable[[], str]) -> BuildReferences:
    """Return the references of a build; of a Dockerfile that can't be read from here, those outside of it.

    ``builder_platform`` returns the builder's own platform; it is called only where the references depend on it.
    """
    try:
        content, _ = read_dockerfile(definition)
    except Unknown as error:
        return replace(build_references(definition, b"", ("",), ""), unknown=str(error), may_be_more=True)
    uses_platform = b"BUILD" in content or (b"TARGET" in content and not definition.platforms)
    platform = builder_platform() if uses_platform else ""
    return build_references(definition, content, definition.platforms or (platform,), platform)


def read_dockerfile(definition: BuildDefinition) -> tuple[bytes, Path | None]:
    """Return a Dockerfile's content and path; the path is None if a bake target contains the Dockerfile inline.

    Raises Unknown for a Dockerfile that docker itself fetches, and for one that can't be read.
    """
    inline = definition.extra.get("dockerfile-inline")
    if isinstance(inline, str):
        return inline.encode(), None
    name = definition.dockerfile or DEFAULT_DOCKERFILE
    if is_remote_file(name) or (is_remote(definition.context) and not Path(name).is_absolute()):
        raise Unknown("docker fetches the Dockerfile itself")
    written = dockerfile_path(Path(definition.context), name)
    path = existing_dockerfile(written)
    try:
        return read_bytes(path), written
    except OSError as error:
        raise Unknown(f"the Dockerfile {path} can't be read ({error.strerror})") from error


def _scanners(definition: BuildDefinition) -> Iterator[str]:
    """Yield the images that make SBOMs, where the definition names its own (docs.docker.com, SBOM attestations)."""
    for entry in definition.attest:
        options = split_fields(entry)
        if options.get("type") == "sbom" and options.get("generator") and options.get("disabled") != "true":
            yield options["generator"]


def _possible(definition: BuildDefinition) -> Iterator[str]:
    """Yield the build arguments that name an image or a registry in ECR."""
    for value in definition.args.values():
        reference = f"{value}/" if parse_ecr_host(value) else value
        if parse_ecr_host(host_of(reference) or ""):
            yield reference
