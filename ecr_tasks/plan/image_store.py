"""Where the result of a build stays until it is pushed: in the engine's image store, or with the builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition, Image, Keep
from ecr_tasks.model.option_fields import split_fields
from ecr_tasks.plan.builder import DEFAULT_NAME

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Engine

_OWN_BUILDER = f"Use a builder of its own (`inv builder.create`, then ECR_BUILDER={DEFAULT_NAME})"
_REMEDY = (
    f"{_OWN_BUILDER}, or turn the containerd image store on (daemon.json: "
    '{"features": {"containerd-snapshotter": true}}; Docker Desktop: Settings, General).'
)

_NOT_IN_ENGINE = {"s3", "azblob"}
"""The caches that the engine's own BuildKit doesn't have (docs.docker.com, Cache storage backends)."""


def needs_engine(definition: BuildDefinition) -> bool:
    """Return whether the engine must be known to build and keep this; a plain single image never needs that."""
    return definition.makes_index or bool(definition.cache_to) or bool(definition.exporter)


def check_sbom(image: Image, engine: Engine) -> None:
    """Raise BuildError where an SBOM is to be attached and the builder makes none: it is the classic store's own."""
    if image.sbom_entry is not None and engine.driver == "docker" and not engine.containerd_store:
        raise BuildError(
            f"This engine's classic image store makes no SBOM, and {image.name} is to have one "
            "(ECR_ATTEST=referrers).",
            f"{_REMEDY} Or set ECR_SBOM_GENERATOR=none, and attach an SBOM of your own: `inv attest FILE`.",
        )


def keep_where(definition: BuildDefinition, engine: Engine) -> Keep:
    """Return where the result stays, so that the pushed digest is the built one.

    The classic store holds no index (docker says "docker exporter does not currently support exporting manifest
    lists"), and no store is given one that several nodes built ("oci for multi-node builds currently not
    supported"): the builder keeps these and pushes them, and everything where there is no engine. Raises BuildError
    where neither can: the classic store's own builder builds no index and exports no cache.
    """
    if not engine.loads:
        return "builder"
    kinds = (split_fields(entry).get("type", "") for entry in definition.cache_to)
    if engine.driver == "docker" and (foreign := sorted({*kinds} & _NOT_IN_ENGINE)):
        raise BuildError(
            f"Docker's own builder writes no cache of the type {' or '.join(foreign)} (ECR_CACHE, or a file's).",
            f"{_OWN_BUILDER}, or another type of cache (docs/caches.md).",
        )
    several_nodes = engine.nodes > 1 and len(definition.platforms) > 1
    if engine.containerd_store and not several_nodes:
        return "store"
    if engine.driver == "docker" and not engine.containerd_store:
        if definition.cache_to != definition.inline_caches:
            raise BuildError(
                "A cache (ECR_CACHE, or a file's) can't be written by the classic image store's own builder.",
                _REMEDY,
            )
        if definition.exporter:
            options = ", ".join(definition.exporter)
            raise BuildError(f"This engine's classic image store can't keep layers with {options} (output).", _REMEDY)
        if definition.attests:
            raise BuildError(
                "This engine's classic image store can't hold attestations (ECR_PRESET, or a file's attest).", _REMEDY
            )
        if definition.makes_index:
            raise BuildError(
                "This engine's classic image store can't hold several platforms (ECR_PLATFORMS, or a file's).",
                _REMEDY,
            )
    return "builder" if definition.makes_index or definition.exporter else "store"
