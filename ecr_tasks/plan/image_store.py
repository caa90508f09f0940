"""Where the result of a build can stay until it is pushed: in the engine's image store, or with the builder."""

from __future__ import annotations

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition, Keep
from ecr_tasks.model.ports import Engine

_REMEDY = (
    'Turn the containerd image store on (daemon.json: {"features": {"containerd-snapshotter": true}}; '
    "Docker Desktop: Settings, General), or change the setting."
)


def needs_engine(definition: BuildDefinition) -> bool:
    """Tell whether the engine decides if this can be built and kept; one plain image always can."""
    return definition.makes_index or bool(definition.cache_to)


def keep_where(definition: BuildDefinition, engine: Engine) -> Keep:
    """Return where the result stays, so that what is pushed is what was built, digest for digest.

    Raises BuildError when neither store nor builder can: the classic store holds no index (docker says
    "docker exporter does not currently support exporting manifest lists"), its own builder makes no
    attestations and exports no cache, and attestations that are built twice differ (they hold times), so a
    second solve that pushes from a builder would not be what was built.
    """
    if engine.containerd_store:
        return "store"
    inside = engine.driver == "docker"
    if inside and any("type=inline" not in entry for entry in definition.cache_to):
        raise BuildError("ECR_CACHE can't be written by the classic image store's own builder.", _REMEDY)
    if not definition.makes_index:
        return "store"
    if definition.attests:
        raise BuildError("This engine's classic image store can't hold attestations (ECR_PRESET).", _REMEDY)
    if inside:
        raise BuildError("This engine's classic image store can't hold several platforms (ECR_PLATFORMS).", _REMEDY)
    return "builder"
