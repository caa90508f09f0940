"""The `ci.init` task: write a pipeline for a CI system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from ecr_tasks.ci.pipelines.template import Values


@task(
    positional=["name"],
    help={
        "name": "github, gitlab, jenkins, circleci, buildkite, azure, bitbucket, codebuild, drone, woodpecker, "
        "teamcity or travis",
        "check": "write nothing; print what has changed in the template since, and exit 6 if anything has",
        "keys": "access keys that the CI stores, where it could do without",
        "oidc": "the CI's own token, where that isn't the default anyway (jenkins)",
        "install": "the shell command that installs ecr-tasks; default: pip install -r requirements-ci.txt",
    },
)
def init(run: Run, name: str, check: bool = False, keys: bool = False, oidc: bool = False, install: str = "") -> None:
    """Write a complete pipeline for a CI system, where that looks for it; overwrite nothing."""
    from ecr_tasks.ci import systems
    from ecr_tasks.ci.pipelines import compare, write
    from ecr_tasks.console import data, say
    from ecr_tasks.errors import Refused

    system = systems.find(name)
    values = _values(run, install)
    if not check:
        credentials = write.choose_credentials(system, keys=keys, oidc=oidc)
        for line in write.write(run.project, system, credentials, values, dry=run.dry):
            say(line)
        return
    difference = compare.pipeline_diff(run.project, system, values)
    if difference:
        data(difference.rstrip("\n"))
        raise Refused(
            f"The template that {system.path} was made from has changed.",
            "Take over what you want of the difference, your own changes are in it, too, then the first line.",
        )
    say(f"{system.path} is up to date with its template.")


def _values(run: Run, install: str) -> Values:
    """Return the values of the pipeline's template, from the settings and git."""
    from ecr_tasks.ci.pipelines.requirements import DEFAULT_INSTALL
    from ecr_tasks.ci.pipelines.template import Values

    settings = run.settings
    prefix_alone = settings.repository is None and settings.repository_prefix is not None
    return Values(
        region=settings.region,
        role=settings.role_arn,
        repository=settings.repository_prefix if prefix_alone else settings.repository,
        repository_setting="ECR_REPOSITORY_PREFIX" if prefix_alone else "ECR_REPOSITORY",
        branch=run.source.default_branch or "main",
        install=install or DEFAULT_INSTALL,
    )
