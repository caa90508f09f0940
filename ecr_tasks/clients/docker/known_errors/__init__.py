"""The catalogue of docker's and buildx's errors: what each one means and what helps. It is read from top to bottom.

Real programs printed these texts; ``tests/data/docker`` has the recordings. The first row that matches decides, so
the special ones stand before the general ones. One situation has one sentence, whichever command meets it: a build,
a push, a pull, a copy or a question to the engine.
"""

from __future__ import annotations

from ecr_tasks.clients.docker.known_errors.builds import INPUTS, STEPS
from ecr_tasks.clients.docker.known_errors.engines import BUILDERS, ENGINE, OTHER_CONTEXT
from ecr_tasks.clients.docker.known_errors.podman import PODMAN
from ecr_tasks.clients.docker.known_errors.registries import DENIED, EXPIRED, KEPT, PULLED, REGISTRIES
from ecr_tasks.clients.docker.known_errors.row import KnownError

__all__ = [
    "BUILDERS",
    "DENIED",
    "ENGINE",
    "EXPIRED",
    "INPUTS",
    "KEPT",
    "KNOWN_ERRORS",
    "OTHER_CONTEXT",
    "OWN_WORDS",
    "PULLED",
    "REGISTRIES",
    "KnownError",
]

OWN_WORDS = "These are the program's own words; its output above, if there is any, may say more."
"""The remedy of an error that is not in the catalogue: it invents nothing."""

KNOWN_ERRORS = (*STEPS, *PODMAN, *ENGINE, *BUILDERS, *INPUTS, *REGISTRIES)
