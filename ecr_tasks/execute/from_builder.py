"""Images that a builder keeps until it pushes them, because no image store can hold them.

Each platform is a build of its own, on whichever node: its manifest's digest is known when it is built, and compared
when it is pushed. The index of all platforms is made here. Attestations contain times, so only the push makes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecr_tasks.errors import RegistryError
from ecr_tasks.execute.built_manifest import with_manifest
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.image import NO_ATTESTATIONS, BuildDefinition, BuildInput
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, StoredImage, platform_name
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from ecr_tasks.model.ports import BuildResult, Docker, Registry

_ANEW = ("no-cache", "no-cache-filter", "pull")
"""bake's keys that have a build made anew, by which a second one would have other results."""


def platform_inputs(
    name: str,
    definition: BuildDefinition,
    references: Sequence[str],
    store_platform: str,
    *,
    provenance: bool = False,
    loads: bool = True,
) -> Iterator[BuildInput]:
    """Yield the builds of one image: one for each platform, and one that writes the cache, if there is any.

    With ``loads``, the image for ``store_platform``, or else the first one, also goes to the engine's image store,
    under the ``references``.
    """
    platforms = definition.platforms or ("",)
    plain = replace(definition, attest=NO_ATTESTATIONS)
    loaded = _loaded(platforms, store_platform)
    for platform in platforms:
        if loads and platform == loaded and not definition.exporter:
            yield BuildInput(
                _name(name, platform), plain.for_platform(platform), tuple(references), provenance=provenance
            )
        else:
            kept = BuildInput(_name(name, platform), plain.for_platform(platform), (), "builder")
            yield replace(kept, provenance=provenance)
    if loads and definition.exporter:  # the store has its own form of layers
        local = replace(plain.for_platform(loaded), exporter=())
        yield BuildInput(_name(name, "local"), local, tuple(references))
    if definition.cache_to != definition.inline_caches:
        yield BuildInput(_name(name, "cache"), plain, (), "builder")


def built_manifests(
    name: str, definition: BuildDefinition, results: Mapping[str, BuildResult]
) -> tuple[dict[str, str], str | None]:
    """Return the digests of the platforms' manifests by platform, and the digest of their index.

    The index has no digest yet if the push will add attestations to it.
    """
    built = [results[_name(name, platform)] for platform in definition.platforms or ("",)]
    # An older BuildKit does not say for which platform it built when it was not told one.
    manifests = {next(iter(result.platforms), ""): str(result.descriptor["digest"]) for result in built}
    if definition.attests:
        return manifests, None
    if not definition.makes_index:
        return manifests, built[0].descriptor["digest"]
    return manifests, make_index([in_index(result.descriptor, definition) for result in built], definition).digest


def build_records(name: str, definition: BuildDefinition, results: Mapping[str, BuildResult]) -> dict[str, str]:
    """Return the builder's records of the platforms' builds, by platform."""
    built = [results[_name(name, platform)] for platform in definition.platforms or ("",)]
    return {next(iter(result.platforms), ""): result.record for result in built if result.record}


def platform_provenance(
    name: str, definition: BuildDefinition, results: Mapping[str, BuildResult]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what the builder tells of the builds of an image, by platform."""
    for platform in definition.platforms or ("",):
        for predicate in results[_name(name, platform)].provenance.values():
            yield platform, predicate


def loaded_image(
    name: str, definition: BuildDefinition, results: Mapping[str, BuildResult], store_platform: str
) -> tuple[str, str] | None:
    """Return the platform whose image :func:`platform_inputs` sent to the engine's store, and its id there."""
    platform = _loaded(definition.platforms or ("",), store_platform)
    result = results.get(_name(name, "local" if definition.exporter else platform))
    return (next(iter(result.platforms), platform), result.image_id) if result and result.image_id else None


def what_is_kept(built: Built, store_platform: str, *, attests: bool, loads: bool = True) -> str:
    """Return a sentence about where a build is until its push; ``loads`` is False where there is no engine."""
    if not loads:
        made = "; it makes the attestations then" if attests else ""
        return f"the builder {built.builder} keeps it until the push, and there is no engine to load it into{made}"
    loaded = _loaded(built.platforms, store_platform)
    others = [platform for platform in built.platforms if platform != loaded]
    kept = ", ".join(others) or "it"
    made = "; the push makes the attestations" if attests else ""
    return f"the builder {built.builder} keeps {kept} until the push, the local store has {loaded}{made}"


def push_from_builder(
    built: Built, definition: BuildDefinition, repository: Repository, docker: Docker, registry: Registry
) -> StoredImage:
    """Push an image by digest from the builder that keeps it, and return it as it can be tagged.

    Nothing is tagged. Raises RegistryError when the builder makes other manifests than it did at the build.
    """
    platforms = definition.platforms or ("",)
    again = from_cache(definition)
    inputs = [
        BuildInput(_name(built.name, platform), again.for_platform(platform), (repository.uri,), "builder", push=True)
        for platform in platforms
    ]
    results = docker.build(inputs, built.builder)
    pushed = [results[build_input.name] for build_input in inputs]
    stored = registry.images(repository, [str(result.digest) for result in pushed])
    descriptors, manifests = list[Mapping[str, Any]](), dict[str, str]()
    for platform, result in zip(built.manifests, pushed, strict=True):
        found = stored.get(str(result.digest))
        if found is None:
            raise RegistryError(
                f"ECR does not have {repository.uri}@{result.digest} after the push.", "Run it again."
            )
        image = with_manifest(found, result.record, repository, docker, registry)
        if image.is_index:
            descriptors += [in_index(child, definition) for child in image.document["manifests"]]
        elif definition.makes_index:
            descriptors.append(in_index(result.descriptor, definition))
        manifests[platform] = image.children[0][1] if image.is_index else image.digest
    if manifests != built.manifests:
        differences = (
            f"{platform} is {digest} instead of {built.manifests[platform]}"
            for platform, digest in manifests.items()
            if digest != built.manifests[platform]
        )
        raise RegistryError(
            f"The builder {built.builder} no longer has what was built: {', '.join(differences)}.",
            "Run `inv build push`, which builds it anew; no tag has been set or moved. If that ends so again, the "
            "builder keeps no cache from one build to the next, and can't be used for this image.",
        )
    if not descriptors:
        return image
    index = make_index(descriptors, definition)
    registry.remember(index.manifest)
    return index


def _loaded(platforms: Sequence[str], store_platform: str) -> str:
    return store_platform if store_platform in platforms else platforms[0]


def _name(name: str, part: str) -> str:
    return f"{name} {part}" if part else name


def from_cache(definition: BuildDefinition) -> BuildDefinition:
    """Return the definition of a second build, which takes what the first one left in the builder's cache."""
    extra = {key: value for key, value in definition.extra.items() if key not in _ANEW}
    linked = {name: from_cache(target) for name, target in definition.linked.items()}
    return replace(definition, extra=extra, linked=linked)


def make_index(descriptors: Sequence[Mapping[str, Any]], definition: BuildDefinition) -> StoredImage:
    """Return an OCI index of these manifests (OCI image specification, image-index.md).

    Equal arguments give equal bytes, so the digest of an index is known before any registry has it.
    """
    media_type = INDEX_MEDIA_TYPES[0]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(descriptors)}
    if annotations := definition.annotations_at("index"):
        document["annotations"] = annotations
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    return StoredImage(sha256_digest(text), text, media_type)


def in_index(child: Mapping[str, Any], definition: BuildDefinition) -> Mapping[str, Any]:
    """Return a manifest's descriptor as an entry of the index, with the annotations of that level.

    An attestation's descriptor says in its annotations which manifest it is about (BuildKit,
    docs/attestations/attestation-storage.md); those that the builder gives an image's are only for this build.
    """
    platform = platform_name(child["platform"])
    if platform == "unknown/unknown":
        return child
    descriptor = {key: child[key] for key in ("mediaType", "digest", "size", "platform")}
    annotations = definition.annotations_at("manifest-descriptor", platform)
    return {**descriptor, "annotations": annotations} if annotations else descriptor
