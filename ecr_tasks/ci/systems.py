"""The table of the CI systems: one row a system. To add one, make its folder in ``ecr_tasks/ci`` and its row here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from ecr_tasks.ci.azure import facts as azure
from ecr_tasks.ci.azure.oidc import ISSUER as AZURE_ISSUER
from ecr_tasks.ci.azure.outputs import Azure
from ecr_tasks.ci.bitbucket import facts as bitbucket
from ecr_tasks.ci.bitbucket.oidc import ISSUER as BITBUCKET_ISSUER
from ecr_tasks.ci.bitbucket.outputs import Bitbucket
from ecr_tasks.ci.buildkite import facts as buildkite
from ecr_tasks.ci.buildkite.oidc import ISSUER as BUILDKITE_ISSUER
from ecr_tasks.ci.buildkite.outputs import Buildkite
from ecr_tasks.ci.circleci import facts as circleci
from ecr_tasks.ci.circleci.oidc import ISSUER as CIRCLECI_ISSUER
from ecr_tasks.ci.circleci.outputs import CircleCi
from ecr_tasks.ci.codebuild import facts as codebuild
from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.drone import facts as drone
from ecr_tasks.ci.facts import Environ, Fact
from ecr_tasks.ci.github import facts as github
from ecr_tasks.ci.github.oidc import ISSUER as GITHUB_ISSUER
from ecr_tasks.ci.github.outputs import GitHub
from ecr_tasks.ci.gitlab import facts as gitlab
from ecr_tasks.ci.gitlab.oidc import ISSUER as GITLAB_ISSUER
from ecr_tasks.ci.gitlab.outputs import GitLab
from ecr_tasks.ci.jenkins import facts as jenkins
from ecr_tasks.ci.oidc.issuer import Issuer
from ecr_tasks.ci.outputs.adapter import FILES_ONLY, Adapter
from ecr_tasks.ci.teamcity import facts as teamcity
from ecr_tasks.ci.teamcity.outputs import TeamCity
from ecr_tasks.ci.travis import facts as travis
from ecr_tasks.ci.travis.outputs import Travis
from ecr_tasks.ci.woodpecker import facts as woodpecker
from ecr_tasks.errors import SettingsError

Credentials = Literal["oidc", "keys", "role"]
"""The CI's OpenID Connect token, access keys that the CI stores, or the role of the machine that the CI runs on."""


class Facts(Protocol):
    """A system's module ``facts``: what the system tells us."""

    def marker(self, env: Environ) -> Fact | None:
        """Return the variable that only this system sets; None when it is another system."""

    def read_context(self, env: Environ, provider: Fact) -> CiContext:
        """Return what the system says about the run."""


@dataclass(frozen=True)
class System:
    """One CI system.

    ``name`` is also its folder's name. ``facts`` reads what it tells us, ``outputs`` makes what it takes from us, and
    ``issuer`` describes its OpenID Connect tokens; a system without an ``issuer`` has the reason in ``no_issuer``.

    Its pipeline: ``path`` is the file that it looks for, from the top of the repository; ``template`` the file in its
    folder that this is made from. ``credentials`` are the kinds that the template has a variant for, the default
    first. ``comment`` begins a comment. ``escapes`` are the (text, replacement) pairs that are applied in order to a
    shell command, so that it reaches the job's shell unchanged.

    ``run``: the variables whose values, joined, name the project, and the one that numbers its runs.
    """

    name: str
    title: str
    facts: Facts
    path: str
    credentials: tuple[Credentials, ...]
    outputs: Adapter = FILES_ONLY
    issuer: Issuer | None = None
    no_issuer: str = ""
    template: str = "pipeline.yml"
    comment: str = "#"
    escapes: tuple[tuple[str, str], ...] = ()
    run: tuple[tuple[str, ...], str] = ((), "")


_ROWS = (
    System(
        "github",
        "GitHub Actions",
        github,
        ".github/workflows/ecr.yml",
        ("oidc", "keys"),
        GitHub(),
        GITHUB_ISSUER,
        run=(("GITHUB_REPOSITORY",), "GITHUB_RUN_ID"),
    ),
    System(
        "gitlab",
        "GitLab CI",
        gitlab,
        ".gitlab-ci.yml",
        ("oidc", "keys"),
        GitLab(),
        GITLAB_ISSUER,
        run=(("CI_PROJECT_PATH",), "CI_PIPELINE_ID"),
    ),
    System(
        "buildkite",
        "Buildkite",
        buildkite,
        ".buildkite/pipeline.yml",
        ("oidc", "keys"),
        Buildkite(),
        BUILDKITE_ISSUER,
        escapes=(("$", "$$"),),
        run=(("BUILDKITE_ORGANIZATION_SLUG", "BUILDKITE_PIPELINE_SLUG"), "BUILDKITE_BUILD_NUMBER"),
    ),
    System(
        "circleci",
        "CircleCI",
        circleci,
        ".circleci/config.yml",
        ("oidc", "keys"),
        CircleCi(),
        CIRCLECI_ISSUER,
        escapes=(("<<", "\\<<"),),
        run=(("CIRCLE_PROJECT_USERNAME", "CIRCLE_PROJECT_REPONAME"), "CIRCLE_BUILD_NUM"),
    ),
    System(
        "azure",
        "Azure Pipelines",
        azure,
        "azure-pipelines.yml",
        ("oidc", "keys"),
        Azure(),
        AZURE_ISSUER,
        run=(("SYSTEM_TEAMPROJECT", "BUILD_REPOSITORY_NAME"), "BUILD_BUILDID"),
    ),
    System(
        "bitbucket",
        "Bitbucket Pipelines",
        bitbucket,
        "bitbucket-pipelines.yml",
        ("oidc", "keys"),
        Bitbucket(),
        BITBUCKET_ISSUER,
        run=(("BITBUCKET_REPO_FULL_NAME",), "BITBUCKET_BUILD_NUMBER"),
    ),
    System("travis", "Travis CI", travis, ".travis.yml", ("keys",), Travis(), no_issuer="Travis CI issues none"),
    System(
        "teamcity",
        "TeamCity",
        teamcity,
        ".teamcity/settings.kts",
        ("keys",),
        TeamCity(),
        no_issuer="TeamCity issues none by itself",
        template="pipeline.kts",
        comment="//",
        escapes=(("%", "%%"), ("$", "${'$'}")),
    ),
    # Before Drone: Woodpecker sets many of Drone's variables.
    System(
        "woodpecker",
        "Woodpecker",
        woodpecker,
        ".woodpecker.yml",
        ("keys",),
        no_issuer="Woodpecker issues none",
        escapes=(("${", "$${"),),
    ),
    System("drone", "Drone", drone, ".drone.yml", ("keys",), no_issuer="Drone issues none", escapes=(("${", "$${"),)),
    # After the systems above: a machine that runs their jobs may have Jenkins' address in its environment.
    System(
        "jenkins",
        "Jenkins",
        jenkins,
        "Jenkinsfile",
        # Keys first: the plugin that issues tokens is not among those that Jenkins suggests.
        ("keys", "oidc"),
        no_issuer="Jenkins issues tokens only with its OpenID Connect Provider plugin, under an address of your own",
        template="pipeline.groovy",
        comment="//",
        escapes=(("\\", "\\\\"), ("'", "\\'")),
        run=(("JOB_NAME",), "BUILD_NUMBER"),
    ),
    # Last: CodeBuild hosts runners of GitHub, GitLab and Buildkite and agents of Jenkins, and their jobs are theirs.
    # A build that Jenkins starts in CodeBuild is CodeBuild's, and has none of Jenkins' variables.
    System(
        "codebuild",
        "AWS CodeBuild",
        codebuild,
        "buildspec.yml",
        ("role",),
        no_issuer="AWS CodeBuild needs none: the project's service role has the permissions",
    ),
)
SYSTEMS: Mapping[str, System] = MappingProxyType({system.name: system for system in _ROWS})
"""The systems by name, in the order in which their markers are looked for: the first one that is set decides."""


def find(name: str) -> System:
    """Return the system of that name. Raises SettingsError, with the name nearest to it, when there is none."""
    system = SYSTEMS.get(name.lower())
    if system is None:
        near = difflib.get_close_matches(name.lower(), SYSTEMS, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise SettingsError(f"We have no pipeline for {name!r}.", f"{guess}There are: {', '.join(SYSTEMS)}.")
    return system


def outputs_adapter(provider: str | None) -> Adapter:
    """Return the adapter for that system's outputs; the one that writes files only for None or an unknown name."""
    system = SYSTEMS.get(provider or "")
    return system.outputs if system else FILES_ONLY
