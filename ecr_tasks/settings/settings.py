"""The settings of one run: immutable values, each with the place where it is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import is_file
from ecr_tasks.frozen import dataclass
from ecr_tasks.settings.parse.build_options import DEFAULT_DOCKERFILE, is_remote, is_remote_file
from ecr_tasks.settings.parse.caches import REGISTRY
from ecr_tasks.settings.schema import Schema
from ecr_tasks.settings.setting import DEFAULT, Origin, SettingValue


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Settings(Schema):
    """The configuration of a run: the fields of :class:`Schema`, and the places where they are set.

    :func:`ecr_tasks.settings.load.load` creates it; it makes files and a local ``context`` absolute paths. These keep
    their text: ``dockerfile`` (see :meth:`dockerfile_path`), ``tags`` and ``flavor`` (package ``tags`` parses them),
    and the entries of ``build_args``, ``build_contexts``, ``secrets`` and ``ssh`` (in buildx's own syntax, with paths
    relative to ``project``). ``repository_prefix`` ends with its separator: a target's repository is prefix + target,
    unless ``repository_map`` names it.
    ``mutability`` is a word and the excluded patterns. The ``aws_…`` fields are for the SDK (:meth:`sdk_environ`).

    ``public_alias`` is the alias of the public registry that ``repository``, ``repository_prefix`` and the names of
    ``repository_map`` are in and begin with; None where they are in a private one.

    ``sdk_environment`` has the variables that must have another value for the SDK than in the process environment
    (empty: unset). ``file_variables`` has all variables of the dotenv files, also those that are not ours: a
    definition may refer to them (:meth:`missing_variables`). ``values`` has the text and the origin of every setting
    by its variable's name, ``files`` the dotenv files that were read, ``other_env_files`` those of other
    environments.
    """

    project: Path
    public_alias: str | None = None
    env_name: str | None = None
    sdk_environment: Mapping[str, str] = field(default_factory=dict)
    file_variables: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, SettingValue] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    other_env_files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # Invoke's -d and tracebacks print reprs, so keys, secrets, build arguments and URLs must not be in it.
        return (
            f"Settings(project={str(self.project)!r}, env_name={self.env_name!r}, region={self.region!r}, "
            f"account_id={self.account_id!r}, repository={self.repository!r})"
        )

    @property
    def names_several(self) -> bool:
        """Return whether the settings name the repositories of several images, which a bake or compose file has."""
        return self.repository_prefix is not None or bool(self.repository_map)

    @property
    def context_is_remote(self) -> bool:
        """Return whether docker fetches the context itself (a URL or a git address)."""
        return is_remote(self.context)

    @property
    def cache_reads(self) -> tuple[str, ...]:
        """Return the caches that builds read: entries in buildx's syntax, and ``registry``."""
        return self.cache_from if self.cache_from is not None else self.cache

    @property
    def cache_writes(self) -> tuple[str, ...]:
        """Return the caches that builds write: entries in buildx's syntax, and ``registry``."""
        return self.cache_to if self.cache_to is not None else self.cache

    @property
    def caches_in_repository(self) -> bool:
        """Return whether builds read or write a cache in the image's own repository."""
        return REGISTRY in (*self.cache_reads, *self.cache_writes)

    def origin(self, name: str) -> Origin:
        """Return the place where the variable ``name`` is set; :data:`DEFAULT` if it is not set."""
        return self.values[name].origin if name in self.values else DEFAULT

    def sdk_environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment as the AWS SDK must see it: ``environ`` with the settings' AWS_… variables.

        Empty AWS_… values are left out: CI systems export empty variables, and botocore would look for a
        profile of that name.
        """
        merged = {**environ, **self.sdk_environment}
        return {name: text for name, text in merged.items() if text or not name.startswith("AWS_")}

    def missing_variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of the dotenv files that ``environ`` doesn't have: for a build and its definition.

        As with settings, the environment hides those of a file, and an empty variable counts as not set.
        """
        return {name: text for name, text in self.file_variables.items() if text and not environ.get(name)}

    def require_repository(self) -> str:
        """Return the repository's name.

        Raises :class:`SettingsError` when none is configured: `login` works without one, `push` does not.
        """
        if self.repository is None:
            raise SettingsError(
                "No repository is configured.",
                "Set ECR_REPOSITORY in .env or in the environment, or `repository: team/app` below ecr: in "
                "invoke.yaml; `inv init` proposes a name.",
            )
        return self.repository

    def dockerfile_path(self) -> Path | None:
        """Return the Dockerfile's path, whether or not it exists; None if docker fetches it from elsewhere.

        Docker looks for the file of ``build -f`` in the working directory, and for a bake target's in the context.
        This function looks in the project folder first, then in the context; without ECR_DOCKERFILE only in the
        context.
        """
        if self.context_is_remote or is_remote_file(self.dockerfile):
            return None
        in_project = self.project / self.dockerfile
        is_set = self.dockerfile != DEFAULT_DOCKERFILE or self.origin("ECR_DOCKERFILE").kind != "default"
        if is_set and is_file(in_project):
            return in_project
        return Path(self.context) / self.dockerfile
