"""Invoke tasks that build, tag and push container images to Amazon ECR.

``from ecr_tasks import ns`` in a tasks.py gives `inv build push`. For tasks of your own, ``build(c)`` and ``push(c)``
return what they built and published, ``receipt(c)`` returns what was published of this commit, and all of them raise
:class:`EcrTasksError`. What ``__all__`` names is stable; everything else in the package is its own affair.

Everything is imported when it is asked for, so that the local ECR, a program of its own in this package, starts
without the tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke.collection import Collection

    from ecr_tasks.errors import EcrTasksError, ExitCode
    from ecr_tasks.model.built_image import Build, BuiltImage
    from ecr_tasks.model.publication import Publication, PublishedImage
    from ecr_tasks.tasks.build import build
    from ecr_tasks.tasks.push import push
    from ecr_tasks.tasks.receipt import receipt

    ns: Collection

__version__ = "0.1.0"
__all__ = [
    "Build",
    "BuiltImage",
    "EcrTasksError",
    "ExitCode",
    "Publication",
    "PublishedImage",
    "__version__",
    "build",
    "ns",
    "push",
    "receipt",
]

_MODULES = {
    "ns": "tasks.collection",
    "build": "tasks.build",
    "push": "tasks.push",
    "receipt": "tasks.receipt",
    "Build": "model.built_image",
    "BuiltImage": "model.built_image",
    "Publication": "model.publication",
    "PublishedImage": "model.publication",
    "EcrTasksError": "errors",
    "ExitCode": "errors",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from ecr_tasks.signals import exit_while_loading

    with exit_while_loading():
        return getattr(import_module(f"ecr_tasks.{_MODULES[name]}"), name)
