"""The check that what a build is told to use is there: folders, Dockerfile, stage, secrets' files, ssh agent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ecr_tasks.errors import BuildError, SettingsError
from ecr_tasks.files import unreadable_reason
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.option_fields import split_fields
from ecr_tasks.model.refusals import NO_SSH_AGENT
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.build_context.base_images import frontend, is_dockers_frontend
from ecr_tasks.source.build_context.dockerfile import parse
from ecr_tasks.source.build_context.dockerignore import existing_dockerfile
from ecr_tasks.source.build_context.references import read_dockerfile
from ecr_tasks.source.build_context.unknown import Unknown
from ecr_tasks.source.build_context.walk import unique_folders
from ecr_tasks.source.definitions.files import files_with_default_names

_OTHER_NAMES = ("Containerfile", "*.Dockerfile", "Dockerfile.*", "*.Containerfile")
"""How people name Dockerfiles that docker doesn't look for by itself; ``Containerfile`` is Podman's name."""


def check_build_files(
    name: str, definitions: Iterable[BuildDefinition], settings: Settings, environ: Mapping[str, str]
) -> None:
    """Raise SettingsError when something that the build of the image ``name`` is told to use is not there.

    ``definitions`` are those of the image and of the targets that it links to; ``environ`` is the environment of the
    build, without the dotenv files' variables. What docker fetches itself (addresses, images) is not looked for.
    Raises BuildError for an ssh agent that is not there.
    """
    definitions = list(definitions)
    for folder in unique_folders(definitions, settings.project):
        if not folder.path.is_dir():
            state = "not a folder" if folder.path.exists() else "missing"
            what = "build context" if folder.name is None else f"named context {folder.name},"
            raise SettingsError(
                f"The {what} {folder.path} is {state} ({_place(name, folder.name, settings)}).",
                "Correct the path there; it is relative to the project folder.",
            )
        dockerfile = folder.dockerfile and existing_dockerfile(folder.dockerfile)
        if dockerfile and (reason := unreadable_reason(dockerfile)):
            place = _dockerfile_place(name, settings)
            cause = f"The Dockerfile {dockerfile} can't be read: {reason} ({place})."
            if not dockerfile.exists():
                cause = f"There is no Dockerfile at {dockerfile} ({place})."
            raise SettingsError(cause, _remedy(dockerfile, settings))
    for definition in definitions:
        _check_stage(name, definition, settings)
        _check_agent(definition, {**environ, **settings.missing_variables(environ)})
        _check_ssh_files(name, definition, settings)
    for secret in (secret for definition in definitions for secret in definition.secrets):
        fields = split_fields(secret)
        file = fields.get("src") or fields.get("source")
        reason = unreadable_reason(settings.project / file) if file and fields.get("type") != "env" else None
        if reason:
            place = f"the image {name}" if _has_definition_file(settings) else f"{settings.origin('ECR_SECRETS')}"
            raise SettingsError(
                f"There is no file {file} to take a secret from ({place})."
                if not (settings.project / str(file)).exists()
                else f"The file {file} of a secret can't be read: {reason} ({place}).",
                "Correct ECR_SECRETS (or the definition's secret), or write the file.",
            )


def _check_stage(name: str, definition: BuildDefinition, settings: Settings) -> None:
    """Raise SettingsError for a target that the Dockerfile has no stage for; case doesn't count, as in BuildKit.

    Only docker's own frontends are known to take stages from nowhere else, and a heredoc can hide or show a FROM.
    """
    if not definition.target:
        return
    try:
        content, _ = read_dockerfile(definition)
    except Unknown:
        return
    dockerfile = parse(content)
    image = frontend(dockerfile, definition)
    if not dockerfile.stages or b"<<" in content or (image and not is_dockers_frontend(image)):
        return
    stages = [stage.name for stage in dockerfile.stages if stage.name]
    if definition.target.lower() not in stages:
        place = f"the image {name}" if _has_definition_file(settings) else f"{settings.origin('ECR_TARGET')}"
        raise SettingsError(
            f"The Dockerfile has no stage {definition.target} ({place}).",
            f"Choose one that it names: {', '.join(stages)}." if stages else "It names none; write FROM … AS NAME.",
        )


def _check_agent(definition: BuildDefinition, environ: Mapping[str, str]) -> None:
    """Raise BuildError for an ssh entry without a path, which means an agent, where there is no agent."""
    if not environ.get("SSH_AUTH_SOCK") and any("=" not in entry for entry in definition.ssh):
        raise BuildError(*NO_SSH_AGENT)


def _check_ssh_files(name: str, definition: BuildDefinition, settings: Settings) -> None:
    """Raise SettingsError for a key of an ssh entry that is neither a file nor an agent's socket."""
    for path in (path for entry in definition.ssh for path in entry.partition("=")[2].split(",") if path):
        file = settings.project / path
        if file.exists() and not file.is_socket() and (reason := unreadable_reason(file)):
            place = f"the image {name}" if _has_definition_file(settings) else f"{settings.origin('ECR_SSH')}"
            raise SettingsError(
                f"The key {path} for the build's ssh can't be read: {reason} ({place}).",
                "Name a key's file or an agent's socket in ECR_SSH (or the definition's ssh).",
            )


def _place(name: str, context: str | None, settings: Settings) -> str:
    setting = "ECR_CONTEXT" if context is None else "ECR_BUILD_CONTEXTS"
    return f"the image {name}" if _has_definition_file(settings) else f"{setting}: {settings.origin(setting)}"


def _dockerfile_place(name: str, settings: Settings) -> str:
    if _has_definition_file(settings):
        return f"the image {name}"
    return f"ECR_DOCKERFILE: {settings.origin('ECR_DOCKERFILE')}"


def _has_definition_file(settings: Settings) -> bool:
    return bool(settings.bake_file) or settings.names_several


def _remedy(dockerfile: Path, settings: Settings) -> str:
    """Return the remedy for a Dockerfile that isn't there or can't be read; it names the files that may be meant."""
    if dockerfile.is_file():
        return "Let this user read it, and what else the build reads."
    folders = dict.fromkeys((dockerfile, dockerfile.parent, settings.project))
    candidates = [
        path
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.is_file()
        and (path.name.lower() == "dockerfile" or any(path.match(pattern) for pattern in _OTHER_NAMES))
        and path.suffix != ".dockerignore"
    ]
    where = "`dockerfile` there" if _has_definition_file(settings) else "ECR_DOCKERFILE"
    if candidates:
        names = " or ".join(_relative(path, settings.project) for path in candidates[:2])
        return f"Set {where} to {names} if that is the one."
    files = [] if _has_definition_file(settings) else files_with_default_names(settings.project)
    if files and not dockerfile.exists():
        return f"Set ECR_BAKE_FILE to {_relative(files[0], settings.project)} if that says how the image is built."
    create = "Remove or rename what is in its place and create it" if dockerfile.exists() else "Create it"
    return f"{create}, or set {where} to where it is."


def _relative(path: Path, project: Path) -> str:
    return str(path.relative_to(project) if path.is_relative_to(project) else path)
