"""The keys of a compose file that bake drops: platform, profiles, and some of a service's build section.

bake reads everything else of a compose file (buildx, bake/compose.go).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text, resolved, unreadable_reason
from ecr_tasks.frozen import dataclass
from ecr_tasks.source.definitions.compose_model import ComposeReader, as_list, long_form, read_dotenv
from ecr_tasks.source.definitions.yaml_file import Model


@dataclass(frozen=True)
class Service:
    """What a compose file says of a service's build, and bake drops.

    ``args`` are the build arguments without a value in the file: compose takes it from the environment, or leaves the
    argument out (None); bake would take it from the service's own ``environment``. ``secret_ids`` has the id in the
    build of each secret that has another name there. ``dropped`` are the keys that nothing can be made of.
    """

    profiles: tuple[str, ...] = ()
    platform: str | None = None
    entitlements: tuple[str, ...] = ()
    no_cache_filter: tuple[str, ...] = ()
    args: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    secret_ids: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()

    def is_active(self, profiles: Sequence[str]) -> bool:
        """Return whether the service is one of those that `docker compose build` builds with these profiles."""
        return not self.profiles or "*" in profiles or not set(self.profiles).isdisjoint(profiles)


def read_services(
    files: Sequence[Path], folder: Path, environ: Mapping[str, str]
) -> tuple[dict[str, Service], ComposeReader]:
    """Return the services of compose files by bake's names for them, and what read them.

    Paths in the files are relative to ``folder``. Raises SettingsError for a file that can't be read, and for two
    services that bake can't tell apart.
    """
    reader = ComposeReader(folder, environ)
    services = reader.services(files)
    named = {bake_name(name): _service(service, reader.environ) for name, service in services.items()}
    built: set[str] = set()
    for name in (name for name, service in services.items() if service.get("build")):
        if bake_name(name) in built:
            raise SettingsError(
                f"{files[0].name} has two services that docker buildx bake calls {bake_name(name)}: one would not be "
                "built.",
                f"Give {name} another name.",
            )
        built.add(bake_name(name))
        named[bake_name(name)] = _service(services[name], reader.environ)
    return named, reader


def bake_name(service: str) -> str:
    """Return the name of the target that bake makes of a service."""
    return service.replace(".", "_")


def compose_env_files(folder: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the dotenv files that ``COMPOSE_ENV_FILES`` names. Raises SettingsError for one that isn't there."""
    names = filter(None, map(str.strip, environ.get("COMPOSE_ENV_FILES", "").split(",")))
    files = tuple(folder / name for name in names)
    for file in files:
        if reason := unreadable_reason(file):
            raise SettingsError(
                f"COMPOSE_ENV_FILES names a file that can't be read: {file} ({reason}).", "Correct it or unset it."
            )
    return files


def compose_variables(files: Sequence[Path], env_files: Sequence[Path], folder: Path) -> dict[str, str]:
    """Return the variables that compose has and bake has not: those of its ``env_files``, and the project's name,
    which is the folder's unless the ``files`` say another."""
    variables: dict[str, str] = {}
    if not any(re.search(r"(?m)^name\s*:", read_text(file, "utf-8-sig", "replace")) for file in files):
        # compose-go, loader/loader.go: NormalizeProjectName
        name = re.sub(r"[^-_a-z0-9]", "", resolved(folder).name.lower()).lstrip("_-")
        variables |= {"COMPOSE_PROJECT_NAME": name} if name else {}
    for file in env_files:
        variables |= read_dotenv(file)
    return variables


def active_profiles(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the profiles that ``COMPOSE_PROFILES`` activates."""
    return tuple(name.strip() for name in environ.get("COMPOSE_PROFILES", "").split(",") if name.strip())


def _service(service: Model, environ: Mapping[str, str]) -> Service:
    build = service.get("build")
    options = build if isinstance(build, dict) else {}
    entitlements = tuple(map(str, as_list(options.get("entitlements"))))
    if str(options.get("privileged", "")).lower() in ("true", "yes", "y", "on", "1"):
        entitlements += ("security.insecure",)
    secrets = [entry for entry in options.get("secrets") or () if isinstance(entry, dict) and entry.get("target")]
    args = list(options["args"]) if isinstance(options.get("args"), list) else options.get("args") or {}
    isolation = str(options.get("isolation") or "default")
    return Service(
        profiles=tuple(map(str, as_list(service.get("profiles")))),
        platform=str(service["platform"]) if service.get("platform") else None,
        entitlements=tuple(dict.fromkeys(entitlements)),
        no_cache_filter=tuple(map(str, as_list(options.get("no_cache_filter")))),
        args={name: environ.get(name) for name, value in long_form("args", args).items() if value is None},
        secret_ids={str(entry.get("source")): str(entry["target"]) for entry in secrets},
        dropped=() if isolation == "default" else (f"build.isolation ({isolation})",),
    )
