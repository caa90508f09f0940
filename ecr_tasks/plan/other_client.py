"""What Podman, Finch and nerdctl can build without buildx, and the command that does; what they lack is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition, BuildInput

DOCKER = "docker"
PODMAN = "podman"

_OPTIONS = {"no-cache": "--no-cache", "pull": "--pull", "network": "--network"}
"""bake's keys that these programs know as options of their `build`."""


def lacking(definition: BuildDefinition) -> Iterator[str]:
    """Yield what a build asks for and a program without buildx lacks, in words."""
    if len(definition.platforms) > 1:
        yield f"several platforms in one image ({', '.join(definition.platforms)})"
    if definition.linked or any(value.startswith("target:") for value in definition.all_contexts.values()):
        yield "linked targets"
    if definition.attests:
        yield "attestations"
    if definition.cache_from or definition.cache_to:
        yield "buildx's caches (ECR_CACHE)"
    if definition.exporter:
        yield f"the form of layers ({', '.join(definition.exporter)})"
    if definition.entitlements:
        yield f"privileges (ECR_ALLOW: {', '.join(definition.entitlements)})"
    others = sorted(key for key in definition.extra if key not in (*_OPTIONS, "entitlements"))
    if others:
        yield f"the file's {', '.join(others)}"


def check_client(
    name: str, definition: BuildDefinition, client: str, *, copies: bool = False, builder: str | None = None
) -> None:
    """Raise BuildError where the image ``name`` needs buildx, and the client isn't docker.

    ``copies`` tells whether it goes to more registries; ``builder`` is the one of buildx that the settings name.
    """
    if client == DOCKER:
        return
    missing = [*lacking(definition)]
    if copies:
        missing.append("copies to more registries (ECR_DESTINATIONS)")
    if builder:
        missing.append(f"other builders (ECR_BUILDER={builder})")
    if missing:
        by_runners = (
            "Have each platform built by a run of its own (`inv build push --only PLATFORM`, the last of which "
            "publishes the image), or build"
        )
        raise BuildError(
            f"{name} can't be built by {client}, which lacks {'; '.join(missing)}.",
            f"{by_runners if len(definition.platforms) > 1 and len(missing) == 1 else 'Leave that out, or build'} "
            "with docker and its buildx (ECR_CLIENT=docker): its docker-container builder runs in Podman's engine "
            "too (DOCKER_HOST=unix:///run/user/UID/podman/podman.sock, `inv builder.create`).",
        )


def no_buildx(program: str) -> BuildError:
    """Return the error for what only buildx can do, where another program than docker is chosen."""
    return BuildError(
        f"{program} has no buildx, which this needs (bake and compose files, other builders, copies to "
        "more registries, the digests of base images).",
        "Use docker for it: ECR_CLIENT=docker.",
    )


def platform_format(client: str) -> str:
    """Return the format in which a client's `info` tells the platform of its machine; nerdctl's is docker's."""
    return "{{.Host.OS}}/{{.Host.Arch}}" if client == PODMAN else "{{.OSType}}/{{.Architecture}}"


def tls_options(reference: str, client: str) -> list[str]:
    """Return the option by which Podman speaks HTTP with a registry on this machine, as docker does by itself."""
    is_local = re.match(r"(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?(?:/|$)", reference)
    return ["--tls-verify=false"] if client == PODMAN and is_local else []


def build_words(item: BuildInput, id_file: str, client: str, arguments: Sequence[str] | None = None) -> list[str]:
    """Return the arguments of a `build` of Podman's or nerdctl's; without an ``id_file``, the id is nowhere written.

    Build arguments' values come by the environment, or stand in ``arguments``. Only Podman gives images annotations.
    """
    definition = item.definition
    annotations = definition.annotations_at("manifest") if client == PODMAN else {}
    pairs: list[tuple[str, Sequence[str]]] = [
        ("--file", [str(Path(definition.context, definition.dockerfile))] if definition.dockerfile else []),
        ("--target", [definition.target] if definition.target else []),
        ("--platform", definition.platforms),
        ("--build-arg", list(definition.args) if arguments is None else arguments),
        ("--build-context", [f"{name}={value}" for name, value in definition.all_contexts.items()]),
        ("--label", [f"{name}={value}" for name, value in definition.labels.items()]),
        ("--annotation", [f"{name}={value}" for name, value in annotations.items()]),
        ("--secret", definition.secrets),
        ("--ssh", definition.ssh),
        ("--tag", item.references),
        ("--iidfile", [id_file] if id_file else []),
    ]
    words = [word for flag, values in pairs for value in values for word in (flag, str(value))]
    for key, flag in _OPTIONS.items():
        value = definition.extra.get(key)
        if isinstance(value, str):
            words += [flag, value]
        elif value:
            words.append(flag)
    return ["build", *words, definition.context]


def argument_variables(definition: BuildDefinition, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the build arguments as the variables that these programs take them from.

    Raises BuildError for one whose name is that of a variable which the program itself needs.
    """
    for name, value in definition.args.items():
        if environ.get(name, value) != value and (name in ("PATH", "HOME") or name.startswith(("LD_", "DOCKER_"))):
            raise BuildError(
                f"The build argument {name} can only be given in the environment, "
                "and the program needs another one there.",
                "Give the build argument another name, or build with docker (ECR_CLIENT=docker).",
            )
    return dict(definition.args)
