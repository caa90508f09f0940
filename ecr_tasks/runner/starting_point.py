"""Look at a project and at this machine for `init`: files, images, git, profiles and credentials."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.console import warn, working
from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.runner import invoke_config
from ecr_tasks.settings import env_files, invoke_files

if TYPE_CHECKING:
    from pathlib import Path

    from ecr_tasks.plan.starting_point import Answers, StartingPoint
    from ecr_tasks.runner.run import Run
    from ecr_tasks.settings.settings import Settings

_CREDENTIALS = (
    *("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "ECR_ROLE_ARN"),
)


def look(run: Run, *, needs_images: bool = True) -> StartingPoint:
    """Return what is here. Raises SettingsError for what is in the way, and for settings that are wrong already.

    A bake or compose file that can't be read is in the way too, if it ``needs_images``.
    """
    from ecr_tasks.clients.ecr.aws_config import aws_profiles, ecr_regions
    from ecr_tasks.plan.starting_point import StartingPoint
    from ecr_tasks.runner.invoke_config import tasks_of
    from ecr_tasks.source.project_files import dockerfiles, irregular

    _refuse_irregular(run.project)
    for name, reason in irregular(run.project, ["Dockerfile"]):
        warn(f"{name} is none that can be built: {reason}.")
    env_file = _env_file(run)
    settings = run.settings
    definition, targets = _images(run, settings, needs_images=needs_images)
    profiles = aws_profiles(settings.sdk_environ(os.environ))
    file = invoke_config.find_in(run.project)
    known = {name: (value.text, value.origin) for name, value in settings.values.items() if value.text}
    known = {name: value for name, value in known.items() if value[1].kind not in ("default", "override")}
    return StartingPoint(
        folder=run.project.name,
        remote=run.source.remote_url,
        definition=definition,
        targets=targets,
        dockerfiles=dockerfiles(run.project),
        settings=known,
        tasks=tasks_of(run.project),
        invoke_file=file.name if file else "",
        section=invoke_files.section_style(file),
        env_file=env_file,
        has_env_file=os.path.lexists(run.project / env_file),
        profiles=profiles,
        regions=ecr_regions(),
        credentials=any(name in known or os.environ.get(name) for name in _CREDENTIALS)
        or any(profile.name == "default" for profile in profiles)
        or _has_host_role(settings),
    )


def _has_host_role(settings: Settings) -> bool:
    """Return whether this is an EC2 host with a role: asking takes the SDK a second where it is none."""
    from ecr_tasks.clients.ecr.aws_config import has_credentials

    with working("Looking for AWS credentials"):
        return has_credentials(settings.sdk_environ(os.environ))


def caller_account(run: Run, answers: Answers, here: StartingPoint) -> str:
    """Return the account of the credentials that the answers lead to; empty if there are none, or no answer."""
    from ecr_tasks.clients.ecr import aws_config

    settings = replace(run.settings, sdk_environment=_with_profile(run.settings, answers))
    has_some = here.credentials or answers.profile
    return aws_config.caller_account(settings, answers.region) if has_some and answers.region else ""


def _with_profile(settings: Settings, answers: Answers) -> Mapping[str, str]:
    profile = {"AWS_PROFILE": answers.profile} if answers.profile else {}
    return {**settings.sdk_environment, **profile}


def _refuse_irregular(project: Path) -> None:
    """Raise SettingsError for what stands in the place of a file that init reads or writes."""
    from ecr_tasks.source.project_files import irregular

    names = [*invoke_config.NAMES, "tasks.py", ".gitignore", ".dockerignore", env_files.OWN]
    names += [] if env_files.is_virtual_environment(project / ".env") else [".env"]
    for name, reason in irregular(project, names):
        raise SettingsError(
            f"{name} is in the way: {reason}.", "Remove or rename it and run it again; nothing has been written."
        )


def _env_file(run: Run) -> str:
    """Return the dotenv file for personal things, and make the run read no .env that belongs to the application."""
    from ecr_tasks.settings.application_env import is_applications

    if run.named_env_file:
        return run.named_env_file
    env = run.project / ".env"
    if (run.project / env_files.OWN).exists():
        return env_files.OWN
    if env_files.is_virtual_environment(env):
        return env_files.OWN
    if env.exists() and is_applications(env):
        run.use_env_file(os.devnull)
        return env_files.OWN
    return ".env"


def _images(run: Run, settings: Settings, *, needs_images: bool) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return the bake or compose files of the images, and the images' names; None where docker can't list them."""
    from ecr_tasks.source.definitions.files import definition_files
    from ecr_tasks.source.definitions.resolve import resolve

    probe = replace(settings, repository=None, repository_prefix=settings.repository_prefix or "probe/")
    try:
        files = definition_files(probe, os.environ)
    except SettingsError:  # there are none
        return (), ()
    if files is None:
        return (), ()
    names = tuple(os.path.relpath(path, run.project) for path in files.named)
    try:
        return names, tuple(resolve(files, probe, os.environ, run.docker.targets).targets)
    except SettingsError as error:
        if not files.compose:  # a compose file may be there for what is run beside the image
            warn(f"Nothing is built from {', '.join(names)}: {error.cause}")
        return (), ()
    except EcrTasksError as error:
        if not needs_images:
            warn(f"Nothing is built from {', '.join(names)}: {error.cause}")
            return (), ()
        if shutil.which("docker"):
            raise
        warn(f"The images of {', '.join(names)} can't be listed: {error.cause}")
        return names, None
