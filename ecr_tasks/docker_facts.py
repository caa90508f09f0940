"""What docker and buildx tell of machines and builds, as our data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecr_tasks.definition import BuildInput
from ecr_tasks.ports import BuildResult


def built(item: BuildInput, said: Mapping[str, Any]) -> BuildResult:
    """What one target's metadata tells; a classic store has a configuration but no manifest yet."""
    config = said.get("containerimage.config.digest")
    digest = said.get("containerimage.digest")
    descriptor = said.get("containerimage.descriptor") or {}
    platform = descriptor.get("platform") or {}
    built_for = "/".join(platform[key] for key in ("os", "architecture", "variant") if platform.get(key))
    platforms = item.definition.platforms or ((built_for,) if built_for else ())
    if item.keep == "builder":
        return BuildResult(item.name, digest, None, platforms)
    has_manifest = bool(descriptor) and digest != config
    return BuildResult(item.name, digest if has_manifest else None, digest, platforms)


def architecture(machine: str) -> str:
    """uname's word for a machine, as OCI platforms have it."""
    return {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}.get(machine, machine)
