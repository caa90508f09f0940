"""How a plan is carried out: built, pushed, tagged; each step takes the plan and the ports.

Imported when they are asked for: `promote` needs none of what builds and pushes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_tasks.publish.building import Built, build, build_key
    from ecr_tasks.publish.pushing import Published, publish
    from ecr_tasks.publish.spreading import Failed, spread
    from ecr_tasks.publish.turns import Turns

__all__ = ["Built", "Failed", "Published", "Turns", "build", "build_key", "publish", "spread"]

_HOMES = {
    **dict.fromkeys(("Built", "build", "build_key"), "building"),
    **dict.fromkeys(("Published", "publish"), "pushing"),
    **dict.fromkeys(("Failed", "spread"), "spreading"),
    "Turns": "turns",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
