"""The `ci.init` task: write a pipeline for a CI system."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.ci.pipelines.template import Values
    from ecr_tasks.runner.run import Run


@task(
    positional=["name"],
    help={
        "name": "github, gitlab, jenkins, circleci, buildkite, azure, bitbucket, codebuild, drone, woodpecker, "
        "teamcity or travis",
        "check": "write nothing; print what has changed in the template since, and exit 6 if anything has",
        "keys": "access keys that the CI stores, where it could do without",
        "oidc": "the CI's own token, where that isn't the default anyway (jenkins)",
        "native-platforms": "a runner for each of linux/amd64 and linux/arm64, without emulation",
        "nightly": "it also runs every night, and builds anew what stands on a base image that has moved",
        "install": "the shell command that installs ecr-tasks; default: pip install -r requirements-ci.txt",
    },
)
def init(
    run: Run,
    name: str,
    check: bool = False,
    keys: bool = False,
    oidc: bool = False,
    install: str = "",
    native_platforms: bool = False,
    nightly: bool = False,
) -> None:
    """Write a complete pipeline for a CI system.

    It is written where that looks for it; nothing is overwritten.
    """
    from dataclasses import replace

    from ecr_tasks.ci import systems
    from ecr_tasks.ci.pipelines import compare, write
    from ecr_tasks.console import data, say
    from ecr_tasks.errors import Refused

    system = systems.find(name)
    features = write.choose_features(run.settings.platforms, native=native_platforms, nightly=nightly)
    values = replace(_values(run, install), features=features)
    credentials = write.choose_credentials(system, keys=keys, oidc=oidc)
    if not check:
        for line in write.write(run.project, system, credentials, values, dry=run.dry):
            say(line)
        say(*_what_ci_lacks(run, write.pipeline(system, credentials, values), system.title))
        return
    difference = compare.pipeline_diff(run.project, system, values, credentials if keys or oidc else None)
    if difference:
        data(difference.rstrip("\n"))
        raise Refused(
            f"The template that {system.path} was made from has changed.",
            "Take over what you want of the difference, your own changes are in it, too, then the first line.",
        )
    say(f"{system.path} is up to date with its template.")


def _what_ci_lacks(run: Run, pipeline: str, title: str) -> list[str]:
    """Return lines about the settings that stand in no file which CI gets: what to commit, and what it must store."""
    from ecr_tasks.plan.ci_settings import ci_settings
    from ecr_tasks.plan.starting_files import section_addition
    from ecr_tasks.runner.invoke_config import find_in
    from ecr_tasks.settings import invoke_files
    from ecr_tasks.source.git.read import is_tracked

    root = run.source.root
    compose, bake = _definition_texts(run)
    lacking = ci_settings(
        run.settings, pipeline, lambda path: root is None or is_tracked(root, path, environ=os.environ), compose, bake
    )
    lines = [f"{path.name} is not in git yet: {title} has nothing of it until it is." for path in lacking.uncommitted]
    lines += [f"{title} will not have {origin.name} ({origin})." for _, origin in lacking.shared.values()]
    lines += [
        f"{title} will not have {name} ({origin}), {reason}." for name, (reason, origin) in lacking.kept.items()
    ]
    lines += [
        f"{title} will not have {name}, which the build reads from a dotenv file." for name in lacking.variables
    ]
    if lacking.shared:
        path = find_in(run.project)
        style = invoke_files.section_style(path)
        section = {key: text for key, (text, _) in lacking.shared.items()}
        addition = section_addition(section, path.name if path else "invoke.yaml", style)
        lines += ["", f"Add {addition.where}, and commit it:", *(f"    {line}" for line in addition.lines)]
    return lines


def _definition_texts(run: Run) -> tuple[list[str], list[str]]:
    """Return the texts of the compose files and of the bake files of the images; one may be missing yet."""
    from ecr_tasks.errors import SettingsError
    from ecr_tasks.files import read_text
    from ecr_tasks.source.definitions.files import definition_files

    compose: list[str] = []
    bake: list[str] = []
    with suppress(SettingsError, OSError):
        files = definition_files(run.settings, os.environ)
        for path in files.paths if files else ():
            texts = compose if files and path in files.compose else bake
            texts.append(read_text(path, errors="replace"))
    return compose, bake


def _values(run: Run, install: str) -> Values:
    """Return the values of the pipeline's template, from the settings and git."""
    from ecr_tasks.ci.pipelines.requirements import DEFAULT_INSTALL
    from ecr_tasks.ci.pipelines.template import Values
    from ecr_tasks.model.destination import PUBLIC_HOST
    from ecr_tasks.settings.parse.repository_map import written_repositories

    settings = run.settings
    names = {"ECR_REPOSITORY": settings.repository, "ECR_REPOSITORY_PREFIX": settings.repository_prefix}
    setting, name = next(((key, name) for key, name in names.items() if name is not None), ("ECR_REPOSITORY", None))
    name = name and f"{PUBLIC_HOST}/{name}" if settings.public_alias else name
    if name is None and settings.repository_map:
        setting, written = "ECR_REPOSITORY_MAP", settings.values["ECR_REPOSITORY_MAP"].text
        name = ",".join(f"{target}={text}" for target, text in written_repositories(written).items())
    return Values(
        region=settings.region,
        role=settings.role_arn,
        repository=name,
        repository_setting=setting,
        branch=run.source.default_branch or "main",
        install=install or DEFAULT_INSTALL,
    )
