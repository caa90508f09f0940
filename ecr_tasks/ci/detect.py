"""Finds out which CI system this is; the adapters say the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ecr_tasks.ci.azure import facts as azure
from ecr_tasks.ci.bitbucket import facts as bitbucket
from ecr_tasks.ci.buildkite import facts as buildkite
from ecr_tasks.ci.circleci import facts as circleci
from ecr_tasks.ci.codebuild import facts as codebuild
from ecr_tasks.ci.context import NO_CI, CiContext
from ecr_tasks.ci.drone import facts as drone
from ecr_tasks.ci.facts import Environ, Fact, Reader
from ecr_tasks.ci.github import facts as github
from ecr_tasks.ci.gitlab import facts as gitlab
from ecr_tasks.ci.jenkins import facts as jenkins
from ecr_tasks.ci.teamcity import facts as teamcity
from ecr_tasks.ci.travis import facts as travis
from ecr_tasks.ci.woodpecker import facts as woodpecker


class System(Protocol):
    """What an adapter's module offers; its folder has the system's name."""

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
            return system.read(env, Fact(system.__name__.split(".")[-2], sign.origin))
    return NO_CI
