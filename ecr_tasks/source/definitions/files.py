"""The bake or compose files that describe the images of a project, and the folder in which they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text, unreadable_reason
from ecr_tasks.frozen import dataclass
from ecr_tasks.settings.settings import Settings

_BAKE = ("docker-bake.json", "docker-bake.hcl")
_BAKE_OVERRIDES = ("docker-bake.override.json", "docker-bake.override.hcl")
_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_COMPOSE_OVERRIDES = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)
"""The files' default names and their overrides', in the order of buildx (bake/bake.go) and of compose
(compose-go, cli/options.go). buildx reads all that exist; compose reads the first one and its first override."""


@dataclass(frozen=True)
class DefinitionFiles:
    """Bake or compose files, of which the later override the earlier; their paths count from the ``folder``."""

    paths: tuple[Path, ...]
    folder: Path
    included: tuple[Path, ...] = ()
    """The files that compose reads for them: those that they include or extend, and dotenv files."""
    unread: tuple[Path, ...] = ()
    """The files beside them that `docker buildx bake` would read, too: those of the other kind."""

    @property
    def compose(self) -> tuple[Path, ...]:
        """The compose files among them."""
        return tuple(path for path in self.paths if _is_compose(path))

    @property
    def named(self) -> tuple[Path, ...]:
        """The files without those override files that are read with them by their names."""
        return tuple(path for path in self.paths if path.name not in (*_BAKE_OVERRIDES, *_COMPOSE_OVERRIDES))

    @property
    def all(self) -> tuple[Path, ...]:
        """The files, and those that are read for them."""
        return (*self.paths, *self.included)

    @property
    def names(self) -> str:
        """The files' names, for a message."""
        return ", ".join(path.name for path in self.paths)


def files_with_default_names(project: Path) -> list[Path]:
    """Return the bake files of a project, and the compose files that build, that docker would find by their names."""
    return [*_existing(project, _BAKE), *filter(_builds, _existing(project, _COMPOSE))]


def definition_files(settings: Settings, environ: Mapping[str, str]) -> DefinitionFiles | None:
    """Return the files whose targets are the images; None if the settings themselves describe one image.

    The files are those of ``ECR_BAKE_FILE``. If that is not set but ``ECR_REPOSITORY_PREFIX`` or
    ``ECR_REPOSITORY_MAP`` is (they are for several images), they are found in the project as docker finds them: by
    ``BUILDX_BAKE_FILE``, by the default names (bake files first, because they can express more), by ``COMPOSE_FILE``.
    A file with a default name is read with the override files beside it. Raises SettingsError when there are none.
    """
    project, names = settings.project, {**environ, **settings.missing_variables(environ)}
    paths = list(settings.bake_file)
    if not paths and not settings.names_several:
        return None
    if not paths:
        paths = (
            _listed(project, names.get("BUILDX_BAKE_FILE"), names.get("BUILDX_BAKE_PATH_SEPARATOR"))
            or _existing(project, _BAKE)
            or _listed(project, names.get("COMPOSE_FILE"), names.get("COMPOSE_PATH_SEPARATOR"))
            or _existing(project, _COMPOSE)[:1]
        )
    if not paths:
        name = "ECR_REPOSITORY_PREFIX" if settings.repository_prefix is not None else "ECR_REPOSITORY_MAP"
        raise SettingsError(
            f"{name} is set, but there is no bake or compose file in {project}.",
            "Set ECR_BAKE_FILE to it, or ECR_REPOSITORY for one image.",
        )
    folder = paths[0].parent
    if paths[0].name in _COMPOSE and len(paths) == 1:
        paths += _existing(folder, _COMPOSE_OVERRIDES)[:1]
    elif {path.name for path in paths} <= {*_BAKE} and {path.parent for path in paths} == {folder}:
        paths += _existing(folder, _BAKE_OVERRIDES)
    by_name = not settings.bake_file and not names.get("BUILDX_BAKE_FILE")
    unread = [
        path for path in _existing(project, _COMPOSE)[:1] if by_name and paths[0].name in _BAKE and _builds(path)
    ]
    if paths[0].name in _COMPOSE and by_name:
        unread += _existing(project, _BAKE_OVERRIDES)
    for path in paths:
        if path.exists() and (reason := unreadable_reason(path)):  # buildx says it of a file that isn't there
            raise SettingsError(
                f"{path} can't be read: {reason}.", "Let this user read it, or make it a file that can be read."
            )
    # Compose counts paths from the folder of its first file, bake from the working directory.
    return DefinitionFiles(
        tuple(paths), folder.absolute() if _is_compose(paths[0]) else project, unread=tuple(unread)
    )


def _builds(file: Path) -> bool:
    """Return whether a compose file has a service that is built."""
    try:
        return bool(re.search(r"(?m)[\s{,]build\s*:", read_text(file, "utf-8-sig", "replace")))
    except OSError:
        return False


def _existing(folder: Path, names: Sequence[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).exists()]


def _listed(project: Path, text: str | None, separator: str | None) -> list[Path]:
    """Return the files that docker's own variable lists, with ``:`` between them unless it has another separator."""
    return [project / entry.strip() for entry in (text or "").split(separator or ":") if entry.strip()]


def _is_compose(path: Path) -> bool:
    return path.suffix.lower() in (".yml", ".yaml")
