"""The table of the CI systems: one row per system. To add one, add its folder in ``ecr_tasks/ci`` and its row."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts
from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.frozen import dataclass

if TYPE_CHECKING:
    from ecr_tasks.ci.oidc.issuer import Issuer
    from ecr_tasks.ci.outputs.adapter import Adapter

Feature = Literal["native", "nightly"]
"""What a pipeline has only where it is asked for: ``native`` has a runner for each platform."""

FEATURES: tuple[Feature, ...] = get_args(Feature)
"""The features, in the order in which a pipeline's first line names them."""

Credentials = Literal["oidc", "keys", "role"]
"""The CI's OpenID Connect token, access keys that the CI stores, or the role of the machine that the CI runs on."""


@dataclass(frozen=True)
class System:
    """One CI system.

    ``name`` is also its folder's name, whose ``facts.py`` has the function ``read_facts`` and, where variables name a
    run, their names in ``RUN_VARIABLES``. ``marker`` is the variable that only this system sets; of several names,
    its runs have at least one, and the function ``marker`` in ``facts.py`` tells whether it is the system's.
    ``outputs`` is the class in ``outputs.py`` that makes the outputs for the system; if it is empty, it gets only
    files. ``no_oidc`` says why the system issues no tokens; if it is empty, ``oidc.py`` has the ``ISSUER``. The
    folder's modules are imported when needed: all imports together would delay the start of a run.

    Its pipeline: ``path`` is the file that the system reads, from the top of the repository; ``template`` is the file
    in its folder that it is made from. ``variants`` are the kinds of credentials that the template supports,
    the default first; if it is empty, they are ``oidc`` and ``keys``, or only ``keys`` for a system without tokens.
    ``comment`` begins a comment. ``escapes`` are the (text, replacement) pairs that keep what is inserted out of the
    system's own expressions and variables. ``values_in_shell`` says that the template's values are in shell commands.
    Where the pipeline names its branches, ``branch_escapes`` keep a name from being a pattern, ``branch_quotes`` are
    the quotes for it, of which it gets one that it hasn't, and no name there can have one of ``branch_refused``.
    """

    name: str
    title: str
    marker: str
    path: str
    outputs: str = ""
    no_oidc: str = ""
    variants: tuple[Credentials, ...] = ()
    template: str = "pipeline.yml"
    comment: str = "#"
    escapes: tuple[tuple[str, str], ...] = ()
    values_in_shell: bool = False
    branch_escapes: tuple[tuple[str, str], ...] = ()
    branch_quotes: str = ""
    branch_refused: tuple[str, ...] = ()

    @property
    def credentials(self) -> tuple[Credentials, ...]:
        """The kinds of credentials that the template has a variant for: the default, then the others."""
        return self.variants or (("keys",) if self.no_oidc else ("oidc", "keys"))

    def find_marker(self, env: Environ) -> Fact | None:
        """Return the variable that only this system sets; None when it isn't set."""
        names = self.marker.split()
        if len(names) == 1:
            return env.flag(*names)
        marker: Fact | None = self._module("facts").marker(env) if env.get(*names) else None
        return marker

    def read_facts(self, env: Environ) -> Facts:
        """Return what the system says about the run."""
        facts: Facts = self._module("facts").read_facts(env)
        return facts

    def run_variables(self) -> tuple[str, ...]:
        """Return the variables whose values together name a run: the project's, then the run's; () without any."""
        names: tuple[str, ...] = getattr(self._module("facts"), "RUN_VARIABLES", ())
        return names

    def adapter(self) -> Adapter:
        """Return the adapter for the system's outputs; FILES_ONLY when the system takes nothing else."""
        from ecr_tasks.ci.outputs.adapter import FILES_ONLY

        adapter: Adapter = getattr(self._module("outputs"), self.outputs)() if self.outputs else FILES_ONLY
        return adapter

    def issuer(self) -> Issuer | None:
        """Return the issuer of its tokens; None when it issues none."""
        issuer: Issuer | None = None if self.no_oidc else self._module("oidc").ISSUER
        return issuer

    def _module(self, name: str) -> Any:
        return import_module(f"ecr_tasks.ci.{self.name}.{name}")


# GitHub Actions and Azure Pipelines evaluate ${{ … }} in every text; a literal in it is how to write one.
_EXPRESSION = "${{"
_EXPRESSION_ESCAPE = ((_EXPRESSION, "${{ '${{' }}"),)
# Buildkite, Drone and Woodpecker replace variables in the whole file, and read $$ as $.
_DOLLAR_ESCAPE = (("$", "$$"),)
# Drone and Woodpecker compare branches by patterns in which braces have alternatives (bmatcuk/doublestar).
_BRACE_ESCAPE = (("{", "\\{"), ("}", "\\}"))
_ROWS = (
    System(
        "github",
        "GitHub Actions",
        "GITHUB_ACTIONS",
        ".github/workflows/ecr.yml",
        outputs="GitHub",
        escapes=_EXPRESSION_ESCAPE,
        # GitHub Docs, "Filter pattern cheat sheet"; the filters take no expressions.
        branch_escapes=(("+", "\\+"), ("!", "\\!")),
        branch_refused=(_EXPRESSION,),
    ),
    System("gitlab", "GitLab CI", "GITLAB_CI", ".gitlab-ci.yml", outputs="GitLab"),
    System(
        "buildkite",
        "Buildkite",
        "BUILDKITE",
        ".buildkite/pipeline.yml",
        outputs="Buildkite",
        escapes=_DOLLAR_ESCAPE,
    ),
    System("circleci", "CircleCI", "CIRCLECI", ".circleci/config.yml", outputs="CircleCi", escapes=(("<<", "\\<<"),)),
    System(
        "azure",
        "Azure Pipelines",
        "TF_BUILD",
        "azure-pipelines.yml",
        outputs="Azure",
        escapes=_EXPRESSION_ESCAPE,
        branch_refused=(_EXPRESSION,),
    ),
    System(
        "bitbucket",
        "Bitbucket Pipelines",
        "BITBUCKET_BUILD_NUMBER",
        "bitbucket-pipelines.yml",
        outputs="Bitbucket",
        values_in_shell=True,
        # Its globs have braces, and no escape for them.
        branch_refused=("{", "}"),
    ),
    System(
        "travis",
        "Travis CI",
        "TRAVIS",
        ".travis.yml",
        outputs="Travis",
        no_oidc="Travis CI issues none",
        values_in_shell=True,
        branch_quotes="'\"",
    ),
    System(
        "teamcity",
        "TeamCity",
        "TEAMCITY_VERSION",
        ".teamcity/settings.kts",
        outputs="TeamCity",
        no_oidc="TeamCity issues none by itself",
        template="pipeline.kts",
        comment="//",
        escapes=(("%", "%%"),),
    ),
    # Before Drone: Woodpecker sets many of Drone's variables.
    System(
        "woodpecker",
        "Woodpecker",
        "CI CI_SYSTEM_NAME",
        ".woodpecker.yml",
        no_oidc="Woodpecker issues none",
        escapes=_DOLLAR_ESCAPE,
        branch_escapes=_BRACE_ESCAPE,
    ),
    System(
        "drone",
        "Drone",
        "DRONE HARNESS_BUILD_ID",
        ".drone.yml",
        no_oidc="Drone issues none",
        escapes=_DOLLAR_ESCAPE,
        branch_escapes=_BRACE_ESCAPE,
    ),
    # After the systems above: a machine that runs their jobs may have Jenkins' address in its environment.
    System(
        "jenkins",
        "Jenkins",
        "JENKINS_URL BUILD_TAG",
        "Jenkinsfile",
        no_oidc="Jenkins issues tokens only with its OpenID Connect Provider plugin, under an address of your own",
        # Keys first: the plugin that issues tokens is not among those that Jenkins suggests.
        variants=("keys", "oidc"),
        template="pipeline.groovy",
        comment="//",
    ),
    # Last: jobs of GitHub, GitLab, Buildkite and Jenkins can run in CodeBuild, but belong to these systems.
    # A build that Jenkins starts in CodeBuild belongs to CodeBuild and has none of Jenkins' variables.
    System(
        "codebuild",
        "AWS CodeBuild",
        "CODEBUILD_BUILD_ID",
        "buildspec.yml",
        no_oidc="AWS CodeBuild needs none: the project's service role has the permissions",
        variants=("role",),
    ),
)
SYSTEMS: Mapping[str, System] = MappingProxyType({system.name: system for system in _ROWS})
"""The systems by name, in the order in which their markers are looked for: the first one that is set decides."""


def find(name: str) -> System:
    """Return the system of that name. Raises SettingsError, with the name nearest to it, when there is none."""
    system = SYSTEMS.get(name.lower())
    if system is None:
        nearest_name = nearest(name.lower(), list(SYSTEMS), cutoff=0.6)
        suggestion = f"Did you mean {nearest_name}? " if nearest_name else ""
        raise SettingsError(f"We have no pipeline for {name!r}.", f"{suggestion}There are: {', '.join(SYSTEMS)}.")
    return system


def outputs_adapter(provider: str | None) -> Adapter:
    """Return the adapter for that system's outputs; FILES_ONLY for None or an unknown name."""
    from ecr_tasks.ci.outputs.adapter import FILES_ONLY

    system = SYSTEMS.get(provider or "")
    return system.adapter() if system else FILES_ONLY
