"""Which adapter serves which CI, by the names that ``source/ci`` gives them."""

from __future__ import annotations

from ecr_tasks.ci.azure.outputs import Azure
from ecr_tasks.ci.bitbucket.outputs import Bitbucket
from ecr_tasks.ci.buildkite.outputs import Buildkite
from ecr_tasks.ci.circleci.outputs import CircleCi
from ecr_tasks.ci.github.outputs import GitHub
from ecr_tasks.ci.gitlab.outputs import GitLab
from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.teamcity.outputs import TeamCity
from ecr_tasks.ci.travis.outputs import Travis

_FILES_ONLY = Adapter()

ADAPTERS: dict[str, Adapter] = {
    "github": GitHub(),
    "gitlab": GitLab(),
    "jenkins": _FILES_ONLY,
    "circleci": CircleCi(),
    "buildkite": Buildkite(),
    "azure": Azure(),
    "bitbucket": Bitbucket(),
    "codebuild": _FILES_ONLY,
    "drone": _FILES_ONLY,
    "woodpecker": _FILES_ONLY,
    "teamcity": TeamCity(),
    "travis": Travis(),
}


def adapter_for(provider: str | None) -> Adapter:
    """The CI's adapter; the one of files alone for no CI, or one that we don't know."""
    return ADAPTERS.get(provider or "", _FILES_ONLY)
