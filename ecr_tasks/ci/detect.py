"""Detect the CI system that this process runs in, and read what it says about the run."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.ci.context import NO_CI, CiContext
from ecr_tasks.ci.facts import Environ, Fact, Reader, read_text
from ecr_tasks.ci.systems import SYSTEMS


def detect(environ: Mapping[str, str], read: Reader = read_text) -> CiContext:
    """Return the run of the first system in the table whose marker is in the environment; NO_CI without one.

    ``read`` returns the text of a file that a variable names (GitHub's event, TeamCity's properties) and raises
    OSError or ValueError when it can't. ``CI=true`` alone is no marker: people set it on laptops. Raises nothing,
    whatever the environment contains.
    """
    env = Environ(environ, read)
    for system in SYSTEMS.values():
        if marker := system.find_marker(env):
            return system.read_facts(env).context(Fact(system.name, marker.origin))
    return NO_CI
