"""Where the result of a build stays until it is pushed: in the engine's image store, or with the builder."""

from __future__ import annotations

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition, Keep
from ecr_tasks.model.ports import Engine

_REMEDY = (
    'Turn the containerd image store on (daemon.json: {"features": {"containerd-snapshotter": true}}; '
    "Docker Desktop: Settings, General), or change the setting."
)


def needs_engine(definition: BuildDefinition) -> bool:
    """Return whether the engine must be known to build and keep this; a plain single image never needs that."""
    return definition.makes_index or bool(definition.cache_to) or bool(definition.exporter)


def keep_where(definition: BuildDefinition, engine: Engine) -> Keep:
    """Return where the result stays, so that the pushed digest is the built one.

    Raises BuildError when neither store nor builder can keep it: the classic store holds no index (docker says
    "docker exporter does not currently support exporting manifest lists"), its own builder makes no
    attestations and exports no cache, and attestations that are built twice differ (they contain times), so that a
    second solve that pushes from a builder would have another digest.
    """
    if engine.containerd_store:
        return "store"
    builds_inside = engine.driver == "docker"
    if builds_inside and any("type=inline" not in entry for entry in definition.cache_to):
        raise BuildError("ECR_CACHE can't be written by the classic image store's own builder.", _REMEDY)
    if builds_inside and definition.exporter:
        raise BuildError(
            f"This engine's classic image store can't keep layers with {', '.join(definition.exporter)} (output).",
            _REMEDY,
        )
    if not definition.makes_index and not definition.exporter:
        return "store"
    if definition.attests:
        raise BuildError("This engine's classic image store can't hold attestations (ECR_PRESET).", _REMEDY)
    if builds_inside:
        raise BuildError("This engine's classic image store can't hold several platforms (ECR_PLATFORMS).", _REMEDY)
    return "builder"
