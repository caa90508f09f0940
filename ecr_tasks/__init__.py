"""Invoke tasks that build, tag and push container images to Amazon ECR.

``from ecr_tasks import ns`` in a tasks.py gives `inv build push`. The tasks are imported when ``ns`` is asked for, so
that the local ECR, a program of its own in this package, starts without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke.collection import Collection

    ns: Collection

__version__ = "0.1.0"
__all__ = ["__version__", "ns"]


def __getattr__(name: str) -> object:
    if name == "ns":
        from ecr_tasks.signals import exit_while_loading

        with exit_while_loading():
            from ecr_tasks.tasks.collection import ns

        return ns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
