"""The table of the CI systems: one row a system. To add one, make its folder in ``ecr_tasks/ci`` and its row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

from ecr_tasks.ci.azure import facts as azure
from ecr_tasks.ci.bitbucket import facts as bitbucket
from ecr_tasks.ci.buildkite import facts as buildkite
from ecr_tasks.ci.circleci import facts as circleci
from ecr_tasks.ci.codebuild import facts as codebuild
from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.drone import facts as drone
from ecr_tasks.ci.facts import Environ, Fact
from ecr_tasks.ci.github import facts as github
from ecr_tasks.ci.gitlab import facts as gitlab
from ecr_tasks.ci.jenkins import facts as jenkins
from ecr_tasks.ci.teamcity import facts as teamcity
from ecr_tasks.ci.travis import facts as travis
from ecr_tasks.ci.woodpecker import facts as woodpecker
from ecr_tasks.errors import SettingsError

if TYPE_CHECKING:
    from ecr_tasks.ci.oidc.issuer import Issuer
    from ecr_tasks.ci.outputs.adapter import Adapter

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

    ``name`` is also its folder's name. ``facts`` reads what it tells us. ``outputs`` is the class of the adapter that
    makes what it takes from us. ``oidc`` is the issuer of its tokens; ``no_oidc`` says why there is none. These two
    are ``module:name`` and imported when needed, the first in a CI only, the second to assume a role only: a run
    would start visibly later if it imported all of them.

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
    outputs: str = ""
    oidc: str = ""
    no_oidc: str = ""
    template: str = "pipeline.yml"
    comment: str = "#"
    escapes: tuple[tuple[str, str], ...] = ()
    run: tuple[tuple[str, ...], str] = ((), "")

    def adapter(self) -> Adapter:
        """Return the adapter for its outputs; the one that writes files only when it takes nothing else."""
        adapter: Adapter = resolve_name(self.outputs or "ecr_tasks.ci.outputs.adapter:Adapter")()
        return adapter

    def issuer(self) -> Issuer | None:
        """Return the issuer of its tokens; None when it issues none."""
        issuer: Issuer | None = resolve_name(self.oidc) if self.oidc else None
        return issuer


_ROWS = (
    System(
        "github",
        "GitHub Actions",
        github,
        path=".github/workflows/ecr.yml",
        credentials=("oidc", "keys"),
        outputs="ecr_tasks.ci.github.outputs:GitHub",
        oidc="ecr_tasks.ci.github.oidc:ISSUER",
        run=(("GITHUB_REPOSITORY",), "GITHUB_RUN_ID"),
    ),
    System(
        "gitlab",
        "GitLab CI",
        gitlab,
        path=".gitlab-ci.yml",
        credentials=("oidc", "keys"),
        outputs="ecr_tasks.ci.gitlab.outputs:GitLab",
        oidc="ecr_tasks.ci.gitlab.oidc:ISSUER",
        run=(("CI_PROJECT_PATH",), "CI_PIPELINE_ID"),
    ),
    System(
        "buildkite",
        "Buildkite",
        buildkite,
        path=".buildkite/pipeline.yml",
        credentials=("oidc", "keys"),
        outputs="ecr_tasks.ci.buildkite.outputs:Buildkite",
        oidc="ecr_tasks.ci.buildkite.oidc:ISSUER",
        escapes=(("$", "$$"),),
        run=(("BUILDKITE_ORGANIZATION_SLUG", "BUILDKITE_PIPELINE_SLUG"), "BUILDKITE_BUILD_NUMBER"),
    ),
    System(
        "circleci",
        "CircleCI",
        circleci,
        path=".circleci/config.yml",
        credentials=("oidc", "keys"),
        outputs="ecr_tasks.ci.circleci.outputs:CircleCi",
        oidc="ecr_tasks.ci.circleci.oidc:ISSUER",
        escapes=(("<<", "\\<<"),),
        run=(("CIRCLE_PROJECT_USERNAME", "CIRCLE_PROJECT_REPONAME"), "CIRCLE_BUILD_NUM"),
    ),
    System(
        "azure",
        "Azure Pipelines",
        azure,
        path="azure-pipelines.yml",
        credentials=("oidc", "keys"),
        outputs="ecr_tasks.ci.azure.outputs:Azure",
        oidc="ecr_tasks.ci.azure.oidc:ISSUER",
        run=(("SYSTEM_TEAMPROJECT", "BUILD_REPOSITORY_NAME"), "BUILD_BUILDID"),
    ),
    System(
        "bitbucket",
        "Bitbucket Pipelines",
        bitbucket,
        path="bitbucket-pipelines.yml",
        credentials=("oidc", "keys"),
        outputs="ecr_tasks.ci.bitbucket.outputs:Bitbucket",
        oidc="ecr_tasks.ci.bitbucket.oidc:ISSUER",
        run=(("BITBUCKET_REPO_FULL_NAME",), "BITBUCKET_BUILD_NUMBER"),
    ),
    System(
        "travis",
        "Travis CI",
        travis,
        path=".travis.yml",
        credentials=("keys",),
        outputs="ecr_tasks.ci.travis.outputs:Travis",
        no_oidc="Travis CI issues none",
    ),
    System(
        "teamcity",
        "TeamCity",
        teamcity,
        path=".teamcity/settings.kts",
        credentials=("keys",),
        outputs="ecr_tasks.ci.teamcity.outputs:TeamCity",
        no_oidc="TeamCity issues none by itself",
        template="pipeline.kts",
        comment="//",
        escapes=(("%", "%%"), ("$", "${'$'}")),
    ),
    # Before Drone: Woodpecker sets many of Drone's variables.
    System(
        "woodpecker",
        "Woodpecker",
        woodpecker,
        path=".woodpecker.yml",
        credentials=("keys",),
        no_oidc="Woodpecker issues none",
        escapes=(("${", "$${"),),
    ),
    System(
        "drone",
        "Drone",
        drone,
        path=".drone.yml",
        credentials=("keys",),
        no_oidc="Drone issues none",
        escapes=(("${", "$${"),),
    ),
    # After the systems above: a machine that runs their jobs may have Jenkins' address in its environment.
    System(
        "jenkins",
        "Jenkins",
        jenkins,
        path="Jenkinsfile",
        # Keys first: the plugin that issues tokens is not among those that Jenkins suggests.
        credentials=("keys", "oidc"),
        no_oidc="Jenkins issues tokens only with its OpenID Connect Provider plugin, under an address of your own",
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
        path="buildspec.yml",
        credentials=("role",),
        no_oidc="AWS CodeBuild needs none: the project's service role has the permissions",
    ),
)
SYSTEMS: Mapping[str, System] = MappingProxyType({system.name: system for system in _ROWS})
"""The systems by name, in the order in which their markers are looked for: the first one that is set decides."""


def find(name: str) -> System:
    """Return the system of that name. Raises SettingsError, with the name nearest to it, when there is none."""
    system = SYSTEMS.get(name.lower())
    if system is None:
        import difflib

        near = difflib.get_close_matches(name.lower(), SYSTEMS, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise SettingsError(f"We have no pipeline for {name!r}.", f"{guess}There are: {', '.join(SYSTEMS)}.")
    return system


def outputs_adapter(provider: str | None) -> Adapter:
    """Return the adapter for that system's outputs; the one that writes files only for None or an unknown name."""
    from ecr_tasks.ci.outputs.adapter import FILES_ONLY

    system = SYSTEMS.get(provider or "")
    return system.adapter() if system else FILES_ONLY
