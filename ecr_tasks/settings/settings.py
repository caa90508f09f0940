"""The settings of one run: frozen values, each with the place it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.scan import Level
from ecr_tasks.settings.origin import DEFAULT, Origin, SettingValue

if TYPE_CHECKING:
    from ecr_tasks.model.destination import Destination

Preset = Literal["default", "lambda", "supply-chain"]
Dirty = Literal["tag", "refuse"]
Skip = Literal["commit", "content", "never"]

DEFAULT_DOCKERFILE = "Dockerfile"


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


# What docker takes for a remote context: a URL, an scp-like git address, or the one host it knows by name
# (BuildKit, util/gitutil and client/build: IsRemoteURL).
_REMOTE = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+://|git@|github\.com/|[\w.-]+@[\w.-]+:)")


def is_remote(context: str) -> bool:
    """Whether docker fetches this context itself instead of reading a folder."""
    return bool(_REMOTE.match(context))


@dataclass(frozen=True, repr=False)
class Settings:
    """What a run is configured to do. Made by :func:`ecr_tasks.settings.load`.

    ``context`` is an absolute path, or a remote context as written; ``dockerfile`` is as written, see
    :meth:`dockerfile_path`. ``build_args``, ``build_contexts``, ``secrets`` and ``ssh`` hold entries in
    buildx's own syntax; relative paths in them are meant from ``project``. ``tags`` and ``flavor`` are as written:
    the rules are ``tagging``'s business. ``repository_prefix`` ends with its separator: a target's repository is
    prefix + target. ``mutability`` is a word and the patterns that are excluded. ``sdk_environment``
    is what the SDK must see beside the process environment, an empty text meaning "as if it were not exported":
    use :meth:`sdk_environ`. ``child_environment`` is what a build needs besides.
    """

    project: Path
    context: str
    env_name: str | None = None
    region: str | None = None
    account_id: str | None = None
    role_arn: str | None = None
    repository: str | None = None
    repository_prefix: str | None = None
    bake_file: Path | None = None
    dockerfile: str = DEFAULT_DOCKERFILE
    target: str | None = None
    platforms: tuple[str, ...] = ()
    build_args: tuple[str, ...] = ()
    build_contexts: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=_nothing)
    annotations: Mapping[str, str] = field(default_factory=_nothing)
    tags: str | None = None
    flavor: str | None = None
    cache: str = "off"
    builder: str | None = None
    preset: Preset = "default"
    create_repository: bool = False
    mutability: tuple[str, ...] = ("rules",)
    lifecycle_policy: Literal["default", "off"] | Path = "default"
    repository_policy: Path | None = None
    kms_key: str | None = None
    repository_tags: Mapping[str, str] = field(default_factory=_nothing)
    destinations: tuple[Destination, ...] = ()
    dirty: Dirty = "tag"
    scan_fail_on: Level | None = None
    skip: Skip = "commit"
    debug: bool = False
    sdk_environment: Mapping[str, str] = field(default_factory=_nothing)
    child_environment: Mapping[str, str] = field(default_factory=_nothing)
    values: Mapping[str, SettingValue] = field(default_factory=_nothing)
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # Invoke's -d and tracebacks print reprs: keys, secrets, build arguments and URLs stay out.
        return (
            f"Settings(project={str(self.project)!r}, env_name={self.env_name!r}, region={self.region!r}, "
            f"account_id={self.account_id!r}, repository={self.repository!r})"
        )

    @property
    def context_is_remote(self) -> bool:
        """Whether docker fetches the context itself (a URL or a git address)."""
        return is_remote(self.context)

    def origin(self, name: str) -> Origin:
        """Where the named setting's value came from; the default's origin for a name that nothing sets."""
        value = self.values.get(name)
        return value.origin if value else DEFAULT

    def sdk_environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment as the AWS SDK must see it: ``environ`` with the files' AWS_… names exported.

        Empty AWS_… values are left out: CI systems export empty variables, and botocore would look for a
        profile of that name.
        """
        merged = {**environ, **self.sdk_environment}
        return {name: text for name, text in merged.items() if text or not name.startswith("AWS_")}

    def child_environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment for a build: ``environ`` with what the build refers to from the dotenv files."""
        return {**environ, **self.child_environment}

    def require_repository(self) -> str:
        """The repository's name.

        Raises :class:`SettingsError` where none is configured: `login` works without, `push` can't.
        """
        if self.repository is None:
            raise SettingsError(
                "No repository is configured.",
                "Set ECR_REPOSITORY in .env or in the environment, for example ECR_REPOSITORY=team/app.",
            )
        return self.repository

    def dockerfile_path(self) -> Path | None:
        """Where the Dockerfile should be, whether or not it is there; None if docker fetches it remotely.

        Docker looks for ``build -f`` in the working directory and for a bake target's in the context. Here it
        is the project folder's if the file exists there, else the context's. Plain ``Dockerfile`` is always
        the context's, so that writing the default down changes nothing.
        """
        if self.context_is_remote or is_remote(self.dockerfile):
            return None
        if self.dockerfile != DEFAULT_DOCKERFILE:
            beside = self.project / self.dockerfile
            if beside.is_file():
                return beside
        return Path(self.context) / self.dockerfile

    def require_dockerfile(self) -> Path | None:
        """The Dockerfile, known to exist; None if docker fetches it.

        Raises :class:`SettingsError` if the context folder or the Dockerfile is missing.
        """
        path = self.dockerfile_path()
        if path is None:
            return None
        folder = Path(self.context)
        if not folder.is_dir():
            what = "not a folder" if folder.exists() else "missing"
            raise SettingsError(
                f"The build context {folder} is {what} (ECR_CONTEXT: {self.origin('ECR_CONTEXT')}).",
                "Set ECR_CONTEXT to the folder to build, relative to the project folder.",
            )
        if not path.is_file():
            raise SettingsError(
                f"There is no Dockerfile at {path} (ECR_DOCKERFILE: {self.origin('ECR_DOCKERFILE')}).",
                "Create it, or set ECR_DOCKERFILE (and ECR_CONTEXT) to where it is.",
            )
        return path
