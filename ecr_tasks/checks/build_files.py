"""The check that the folders, the Dockerfile and the secrets' files of a build are there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.parse.lists import csv_fields
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.build_context.dockerignore import existing_dockerfile
from ecr_tasks.source.build_context.walk import unique_folders

_OTHER_NAMES = ("Containerfile", "*.Dockerfile", "Dockerfile.*", "*.Containerfile")
"""How people name Dockerfiles that docker doesn't look for by itself; ``Containerfile`` is Podman's name."""


def check_build_files(name: str, definitions: Iterable[BuildDefinition], settings: Settings) -> None:
    """Raise SettingsError when a context, the Dockerfile or a secret's file of the image ``name`` is not there.

    ``definitions`` are those of the image and of the targets that it links to. What docker fetches itself (addresses,
    images) is not looked for.
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
        if folder.dockerfile is not None and not existing_dockerfile(folder.dockerfile).is_file():
            raise SettingsError(
                f"There is no Dockerfile at {folder.dockerfile} ({_dockerfile_place(name, settings)}).",
                _remedy(folder.dockerfile, settings),
            )
    for secret in (secret for definition in definitions for secret in definition.secrets):
        keys = {field.key: field.text.partition("=")[2] for field in csv_fields(secret)}
        file = keys.get("src") or keys.get("source")
        if file and not (settings.project / file).exists():
            place = f"the image {name}" if _has_definition_file(settings) else f"{settings.origin('ECR_SECRETS')}"
            raise SettingsError(
                f"There is no file {file} to take a secret from ({place}).",
                "Correct ECR_SECRETS (or the definition's secret), or write the file.",
            )


def _place(name: str, context: str | None, settings: Settings) -> str:
    setting = "ECR_CONTEXT" if context is None else "ECR_BUILD_CONTEXTS"
    return f"the image {name}" if _has_definition_file(settings) else f"{setting}: {settings.origin(setting)}"


def _dockerfile_place(name: str, settings: Settings) -> str:
    if _has_definition_file(settings):
        return f"the image {name}"
    return f"ECR_DOCKERFILE: {settings.origin('ECR_DOCKERFILE')}"


def _has_definition_file(settings: Settings) -> bool:
    return bool(settings.bake_file) or settings.repository_prefix is not None


def _remedy(dockerfile: Path, settings: Settings) -> str:
    """Return the remedy; it names the files that may be meant."""
    folders = dict.fromkeys((dockerfile.parent, settings.project))
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
    return f"Create it, or set {where} to where it is."


def _relative(path: Path, project: Path) -> str:
    return str(path.relative_to(project) if path.is_relative_to(project) else path)
