"""Finds out which CI system this is; the adapters say the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ecr_tasks.source.ci import (
    azure,
    bitbucket,
    buildkite,
    circleci,
    codebuild,
    drone,
    github,
    gitlab,
    jenkins,
    teamcity,
    travis,
    woodpecker,
)
from ecr_tasks.source.ci.facts import Environ, Fact, Reader
from ecr_tasks.source.ci.model import NO_CI, CiContext


class System(Protocol):
    """What an adapter's module offers; its last name is the provider's."""

    __name__: str

    def here(self, env: Environ) -> Fact | None:
        """The variable that shows that this is the system; None when it is another."""

    def read(self, env: Environ, provider: Fact) -> CiContext:
        """What the system says of the run."""


_SYSTEMS: tuple[System, ...] = (
    github,
    gitlab,
    buildkite,
    circleci,
    azure,
    bitbucket,
    travis,
    teamcity,
    # Woodpecker gives its steps many of Drone's variables.
    woodpecker,
    drone,
    # Jenkins' address may be in the environment of a machine that also runs another system's jobs.
    jenkins,
    # CodeBuild hosts the runners of GitHub, GitLab and Buildkite and Jenkins' agents: the job is theirs. A build
    # that Jenkins starts in CodeBuild is CodeBuild's, and has none of Jenkins' variables.
    codebuild,
)
"""In the order in which they are asked; the first one that is here is it."""


def detect(environ: Mapping[str, str], read: Reader | None = None) -> CiContext:
    """What the CI system that this process runs in says of the run; NO_CI where there is none of ours.

    ``read`` gives the text of a file that a variable names (GitHub's event, TeamCity's properties) and raises
    OSError or ValueError without one; by default it reads the file. ``CI=true`` alone means nothing: people
    set it on laptops. Never raises, whatever the environment holds.
    """
    env = Environ(environ, read)
    for system in _SYSTEMS:
        sign = system.here(env)
        if sign:
            return system.read(env, Fact(system.__name__.rpartition(".")[2], sign.origin))
    return NO_CI
