"""Invoke tasks that build, tag and push container images to Amazon ECR.

``from ecr_tasks import ns`` in a tasks.py gives `inv build push`. The tasks are imported when they are asked
for, so that `python -m ecr_tasks.local_ecr` starts without them.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes fifteen milliseconds, a third of what the local ECR needs to start

if TYPE_CHECKING:
    from invoke.collection import Collection

    ns: Collection

__version__ = "0.1.0"
__all__ = ["__version__", "ns"]


def __getattr__(name: str) -> object:
    if name == "ns":
        from ecr_tasks.tasks.collection import ns

        return ns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
