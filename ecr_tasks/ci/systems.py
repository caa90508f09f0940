"""The CI systems that we write pipelines for: where each looks for its file and which credentials it can have."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from ecr_tasks.errors import SettingsError

Credentials = Literal["oidc", "keys", "role"]
"""The CI's own token, stored access keys, or the role of the machine that the CI runs on."""

REQUIREMENTS = "requirements-ci.txt"
DEFAULT_INSTALL = f"pip install -r {REQUIREMENTS}"


@dataclass(frozen=True)
class System:
    """One CI system.

    ``path`` is where it looks for its pipeline, from the top of the repository. ``credentials`` are the kinds that
    its template has a variant for, the best first. ``escapes`` are what a shell command needs to reach the job's
    shell unchanged: pairs of text and replacement, applied in order.
    """

    name: str
    title: str
    path: str
    template: str
    credentials: tuple[Credentials, ...]
    comment: str = "#"
    escapes: tuple[tuple[str, str], ...] = ()


_ALL = (
    System("github", "GitHub Actions", ".github/workflows/ecr.yml", "pipeline.yml", ("oidc", "keys")),
    System("gitlab", "GitLab CI", ".gitlab-ci.yml", "pipeline.yml", ("oidc", "keys")),
    System(
        "jenkins",
        "Jenkins",
        "Jenkinsfile",
        "pipeline.groovy",
        # Keys first: the plugin that hands out tokens is not among those that Jenkins suggests.
        ("keys", "oidc"),
        comment="//",
        escapes=(("\\", "\\\\"), ("'", "\\'")),
    ),
    System(
        "circleci", "CircleCI", ".circleci/config.yml", "pipeline.yml", ("oidc", "keys"), escapes=(("<<", "\\<<"),)
    ),
    System(
        "buildkite", "Buildkite", ".buildkite/pipeline.yml", "pipeline.yml", ("oidc", "keys"), escapes=(("$", "$$"),)
    ),
    System("azure", "Azure Pipelines", "azure-pipelines.yml", "pipeline.yml", ("oidc", "keys")),
    System("bitbucket", "Bitbucket Pipelines", "bitbucket-pipelines.yml", "pipeline.yml", ("oidc", "keys")),
    System("codebuild", "AWS CodeBuild", "buildspec.yml", "pipeline.yml", ("role",)),
    System("drone", "Drone", ".drone.yml", "pipeline.yml", ("keys",), escapes=(("${", "$${"),)),
    System("woodpecker", "Woodpecker", ".woodpecker.yml", "pipeline.yml", ("keys",), escapes=(("${", "$${"),)),
    System(
        "teamcity",
        "TeamCity",
        ".teamcity/settings.kts",
        "pipeline.kts",
        ("keys",),
        comment="//",
        escapes=(("%", "%%"), ("$", "${'$'}")),
    ),
    System("travis", "Travis CI", ".travis.yml", "pipeline.yml", ("keys",)),
)
SYSTEMS: Mapping[str, System] = MappingProxyType({system.name: system for system in _ALL})


def find(name: str) -> System:
    """The system of that name; SettingsError, with the nearest one, when there is none."""
    system = SYSTEMS.get(name.lower())
    if system is None:
        near = difflib.get_close_matches(name.lower(), SYSTEMS, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise SettingsError(f"We have no pipeline for {name!r}.", f"{guess}There are: {', '.join(SYSTEMS)}.")
    return system


def credentials_of(system: System, *, keys: bool, oidc: bool) -> Credentials:
    """The kind of credentials that was asked for, or the system's best; SettingsError when it has no such variant."""
    if keys and oidc:
        raise SettingsError("--keys and --oidc are two ways to the same thing.", "Give one of them.")
    wanted: Credentials = "keys" if keys else "oidc" if oidc else system.credentials[0]
    if wanted in system.credentials:
        return wanted
    if system.credentials == ("role",):
        why = f"{system.title} has the role of its own machine, which needs neither keys nor a token."
    else:
        why = f"{system.title} hands out no token that AWS could take."
    raise SettingsError(why, f"Leave --{wanted} out.")
