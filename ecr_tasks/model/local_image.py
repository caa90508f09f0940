"""An image in the engine's store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ecr_tasks.frozen import dataclass


@dataclass(frozen=True)
class LocalImage:
    """An image in the engine's store with all of its names; ``used`` is whether a container or a run needs it."""

    id: str
    names: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    used: bool = False
