"""Detect the CI system that this process runs in, and read what it says about the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.environ import Environ, Fact, Reader, RefCheck, no_ref, read_text
from ecr_tasks.ci.gerrit import gerrit_change
from ecr_tasks.ci.other_systems import in_other_ci, other_run
from ecr_tasks.ci.systems import SYSTEMS

_NO = ("", "0", "false", "no", "off")


def in_ci(environ: Mapping[str, str]) -> bool:
    """Return whether this process runs in a CI: one of the table, another one that is known, or one that sets CI."""
    if environ.get("CI", "").strip().lower() not in _NO:
        return True
    env = Environ(environ)
    return any(system.find_marker(env) for system in SYSTEMS.values()) or in_other_ci(env)


def detect(
    environ: Mapping[str, str],
    read: Reader = read_text,
    *,
    remotes: tuple[str, ...] = (),
    has_ref: RefCheck = no_ref,
) -> CiContext:
    """Return the run of the first system in the table whose marker is in the environment.

    Without one that is NO_CI, unless a system without an adapter says that the run is for a change. ``read`` returns
    the text of a file that a variable names (GitHub's event, TeamCity's properties) and raises OSError or ValueError
    when it can't; ``remotes`` are the names of the clone's remotes, and ``has_ref`` returns whether it has a ref.
    ``CI=true`` alone is no marker: people set it on laptops. Raises nothing, whatever the environment contains.
    """
    env = Environ(environ, read, remotes, has_ref)
    for system in SYSTEMS.values():
        if marker := system.find_marker(env):
            facts = system.read_facts(env)
            change = facts.change or gerrit_change(env)
            return replace(facts, change=change).context(Fact(system.name, marker.origin))
    return other_run(env)
