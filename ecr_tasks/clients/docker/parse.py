"""What docker and buildx tell of machines and builds, as our data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ecr_tasks.model.engine import Engine
from ecr_tasks.model.image import BuildInput
from ecr_tasks.model.ports import BuildResult


def engine_of(info: Mapping[str, Any], listed: str) -> Engine:
    """The engine by `docker info`, and its builder by what `buildx inspect` lists."""
    facts = dict(line.split(":", 1) for line in listed.splitlines() if ":" in line)
    statuses = {str(key): str(value) for key, value in info.get("DriverStatus") or ()}
    return Engine(
        version=str(info.get("ServerVersion", "")),
        containerd_store=statuses.get("driver-type", "").startswith("io.containerd"),
        platform=f"{info.get('OSType', 'linux')}/{architecture(str(info.get('Architecture', '')))}",
        builder=facts.get("Name", "").strip(),
        driver=facts.get("Driver", "").strip(),
    )


def registry_digest(reference: str, known: Iterable[str]) -> str | None:
    """The digest that a local image has in its reference's registry; ``known`` are all its ``repository@digest``."""
    from ecr_tasks.source.build_context.base_images import repository_of

    own = repository_of(reference)
    named = [name.rpartition("@") for name in known]
    return min((digest for name, _, digest in named if repository_of(name) == own), default=None)


def loaded_config(said: Mapping[str, Any], instances: Path) -> str | None:
    """Return the digest of the configuration of an image that a builder beside the engine made; else None.

    Such a builder tells the manifest that it made. Only the store that the image was loaded into can say whether it
    keeps that, as containerd's does, or makes another one when it pushes, as the classic one does.
    ``instances`` is where buildx keeps its builders; the engine's own, which knows its store, is not among them.
    """
    config: str | None = said.get("containerimage.config.digest")
    builder = str(said.get("buildx.build.ref", "")).partition("/")[0]
    beside = not builder or (instances / builder).exists()
    return config if beside and said.get("containerimage.descriptor") else None


def built(item: BuildInput, said: Mapping[str, Any], *, loaded_as: str | None = None) -> BuildResult:
    """Return what one target's metadata tells; a classic store has a configuration but no manifest yet.

    ``loaded_as`` is the id by which the store knows the image's configuration (:func:`loaded_config`), if it does:
    where that is the configuration's own digest, the store is a classic one.
    """
    config = said.get("containerimage.config.digest")
    digest = said.get("containerimage.digest")
    descriptor = said.get("containerimage.descriptor") or {}
    platform = descriptor.get("platform") or {}
    built_for = "/".join(platform[key] for key in ("os", "architecture", "variant") if platform.get(key))
    platforms = item.definition.platforms or ((built_for,) if built_for else ())
    if item.keep == "builder":
        return BuildResult(item.name, digest, None, platforms)
    if config and config == loaded_as:
        return BuildResult(item.name, None, config, platforms)
    has_manifest = bool(descriptor) and digest != config
    return BuildResult(item.name, digest if has_manifest else None, digest, platforms)


def architecture(machine: str) -> str:
    """uname's word for a machine, as OCI platforms have it."""
    return {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}.get(machine, machine)
