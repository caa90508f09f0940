"""Turns what docker and buildx print about engines, images and builds into our values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.model.builder import Builder, Node
from ecr_tasks.model.image import BuildInput
from ecr_tasks.model.image_config import ImageConfig, parse_image_config
from ecr_tasks.model.manifest import platform_name
from ecr_tasks.model.ports import BuildResult, Engine

if TYPE_CHECKING:
    from python_on_whales import SystemInfo

_PROVENANCE = "buildx.build.provenance"
"""The key of provenance in buildx's metadata file; with several platforms, a slash and the platform follow."""

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
"""OCI's architectures by uname's machine names."""


def parse_engine(info: SystemInfo | None, builder: str) -> Engine:
    """Return the engine that `docker info` describes; ``builder`` is the output of `buildx inspect`.

    ``info`` is None where there is no engine, and the builder works without one.
    """
    head, _, nodes = builder.partition("\nNodes:")
    fields = dict(line.split(":", 1) for line in head.splitlines() if ":" in line)
    statuses = {status[0]: status[1] for status in (info and info.driver_status) or ()}
    machine = (info and info.architecture) or ""
    platforms = _platforms(nodes)
    own = f"{(info and info.os_type) or 'linux'}/{_ARCHITECTURES.get(machine, machine)}"
    return Engine(
        containerd_store=statuses.get("driver-type", "").startswith("io.containerd"),
        platform=own if info else next(iter(platforms), ""),
        builder=fields.get("Name", "").strip(),
        driver=fields.get("Driver", "").strip(),
        nodes=max(1, len(re.findall(r"^Name:", nodes, re.MULTILINE))),
        platforms=platforms,
        loads=info is not None,
    )


def _platforms(nodes: str) -> tuple[str, ...]:
    """Return the platforms that the nodes list; a ``*`` marks those that the user has set."""
    lists = re.findall(r"^Platforms:(.*)", nodes, re.MULTILINE)
    names = (name.strip().rstrip("*") for names in lists for name in names.split(","))
    return tuple(dict.fromkeys(filter(None, names)))


def registry_digest(reference: str, repo_digests: Iterable[str]) -> str | None:
    """Return the digest that a local image has in its reference's registry, or None.

    ``repo_digests`` are the image's ``repository@digest`` names of all registries.
    """
    from ecr_tasks.source.build_context.base_images import repository_of

    repository = repository_of(reference)
    names = [name.rpartition("@") for name in repo_digests]
    return min((digest for name, _, digest in names if repository_of(name) == repository), default=None)


def loaded_config(metadata: Mapping[str, Any], instances: Path) -> str | None:
    """Return the digest of the image's configuration if a builder other than the engine's built it; else None.

    Such a builder reports the manifest that it made. Only the store that the image was loaded into knows whether it
    keeps that manifest (containerd's store) or makes another one at the push (the classic store).
    ``instances`` is buildx's folder of builders; it does not contain the engine's own builder, which knows its store.
    """
    config: str | None = metadata.get("containerimage.config.digest")
    builder = str(metadata.get("buildx.build.ref", "")).partition("/")[0]
    is_other_builder = not builder or (instances / builder).exists()
    return config if is_other_builder and metadata.get("containerimage.descriptor") else None


def build_result(item: BuildInput, metadata: Mapping[str, Any], *, loaded_as: str | None = None) -> BuildResult:
    """Return the result of one target by its metadata; a classic store has a configuration but no manifest yet.

    ``loaded_as`` is the id by which the store knows the image's configuration (:func:`loaded_config`), if any:
    if that is the configuration's own digest, the store is a classic one.
    """
    config = metadata.get("containerimage.config.digest")
    digest = metadata.get("containerimage.digest")
    descriptor = dict(metadata.get("containerimage.descriptor") or {})
    if descriptor and len(item.definition.platforms) == 1:  # an older BuildKit does not repeat the platform
        names = zip(("os", "architecture", "variant"), item.definition.platforms[0].split("/"), strict=False)
        descriptor.setdefault("platform", dict(names))
    record, provenance = metadata.get("buildx.build.ref"), dict(_provenance(metadata)) if item.provenance else {}
    built_for = platform_name(descriptor.get("platform"))
    platforms = item.definition.platforms or ((built_for,) if built_for else ())
    if item.keep != "store":
        return BuildResult(item.name, digest, None, platforms, descriptor, record, provenance)
    if config and config == loaded_as:
        return BuildResult(item.name, None, config, platforms, descriptor, provenance=provenance)
    has_manifest = bool(descriptor) and digest != config
    return BuildResult(item.name, digest if has_manifest else None, digest, platforms, descriptor, record, provenance)


def _provenance(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the provenance of each platform; where only one was built, its name is empty."""
    for key, value in metadata.items():
        name, _, platform = key.partition("/")
        if name == _PROVENANCE and isinstance(value, dict):
            yield platform, value


def content_size(image: Mapping[str, Any]) -> int | None:
    """Return the bytes of an image's manifest, configuration and layers, by the engine's document of it.

    Newer engines count in ``Size`` what they have unpacked, too (moby 4f7f31e7b7), and tell the content of each
    manifest apart since API 1.48. None where neither is told.
    """
    for manifest in image.get("Manifests") or ():
        if manifest.get("ID") == image.get("Id"):
            content = (manifest.get("Size") or {}).get("Content")
            return content if isinstance(content, int) else None
    size = image.get("Size")
    return size if isinstance(size, int) else None


def parse_config(document: Mapping[str, Any]) -> ImageConfig:
    """Return what an image's configuration shows; the document is the blob, as the builder keeps it."""
    history = (str(step.get("created_by") or "") for step in document.get("history") or ())
    return parse_image_config(document.get("config") or {}, history)


def parse_builder(text: str) -> Builder:
    """Return the builder that `buildx inspect` describes, with its nodes."""
    head, _, rest = text.partition("\nNodes:")
    fields = _fields(head)
    blocks = re.split(r"^(?=Name:)", rest, flags=re.MULTILINE)[1:]
    return Builder(fields.get("Name", ""), fields.get("Driver", ""), tuple(map(_node, blocks)))


def _node(block: str) -> Node:
    fields = _fields(block)
    return Node(
        name=fields.get("Name", ""),
        endpoint=fields.get("Endpoint", ""),
        status=fields.get("Status", ""),
        version=fields.get("BuildKit version", fields.get("Buildkit", "")),
        platforms=tuple(filter(None, (name.strip() for name in fields.get("Platforms", "").split(",")))),
        options=dict(re.findall(r'(?<!\S)([^\s="]+)="((?:[^"\\]|\\.)*)"', fields.get("Driver Options", ""))),
        error=fields.get("Error", ""),
    )


def _fields(text: str) -> dict[str, str]:
    lines = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith(" "))
    return {name: value.strip() for name, value in lines}
