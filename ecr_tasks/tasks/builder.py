"""The `builder` tasks: create, show and remove a builder for other platforms and on other machines."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, agrees, document, result, result_table, say, warn, working
from ecr_tasks.errors import BuildError, Refused, SettingsError
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.clients.docker.builders import Builders
    from ecr_tasks.model.builder import Builder, WantedBuilder
    from ecr_tasks.runner.run import Run

_NAME = "its name (default: ECR_BUILDER, or ecr-tasks)"


@task(
    may_be_positional="name",
    iterable=["node", "option"],
    help={
        "name": _NAME,
        "driver": "docker-container (default), kubernetes or remote",
        "node": "[PLATFORM=]ADDRESS of one more machine, repeatable: linux/arm64=ssh://me@host, tcp://host:2376",
        "tls": "folder with ca.pem, cert.pem and key.pem for tcp:// nodes",
        "option": "NAME=VALUE for the driver, as buildx has it, repeatable: network=host, namespace=build",
        "config": "BuildKit's configuration file (buildkitd.toml) for the new builder",
        "emulate": "architectures whose programs the engine shall run by emulation: arm64,riscv64",
    },
)
def create(
    run: Run,
    name: str | None = None,
    driver: str = "docker-container",
    node: Sequence[str] | None = None,
    tls: str = "",
    option: Sequence[str] | None = None,
    config: str = "",
    emulate: str = "",
) -> None:
    """Create and start a builder for other platforms.

    docker-container builds beside this engine, with --node on others as well;
    kubernetes in pods; remote at the address of a BuildKit (--node). A builder
    that is there already as it is asked for is started.
    """
    from ecr_tasks.plan.builder import DEFAULT_NAME, create_commands, wanted_builder

    tls_folder = _tls_folder(run.project, tls)
    file = _file(run.project, config)
    architectures, options = _emulated(emulate, driver), list(option or ())
    if architectures and driver == "kubernetes":  # its pods have a kernel of their own
        options += ["qemu.install=true", f"qemu.image={run.settings.emulation_image}"]
    wanted = wanted_builder(
        name or run.settings.builder or DEFAULT_NAME, driver, node or (), options, tls_folder, file
    )
    if run.dry:
        if architectures and driver != "kubernetes":
            say(f"would install the emulation of {', '.join(architectures)} into the engine")
        for command in create_commands(wanted, os.environ, Path.home()):
            say(f"would run: docker {shlex.join(command)}")
        return
    builders = _builders()
    if architectures and driver != "kubernetes":
        from ecr_tasks.runner.emulation import install

        install(run, architectures)
    with working(f"starting the builder {wanted.name}"):
        builder, is_new = _created(builders, wanted)
    say(f"{builder.name}: {'created' if is_new else 'is there already'}, driver {builder.driver}")
    _show_nodes(builder, indent=2)
    for text in _lacking(run, builder):
        warn(text)
    if run.settings.builder != builder.name:
        say(f"Set ECR_BUILDER={builder.name} to build with it.")


@task(
    may_be_positional="name", help={"name": "default: the one that builds use", "json": "one JSON document on stdout"}
)
def show(run: Run, name: str | None = None, json: bool = False) -> None:
    """Print a builder: its machines and their platforms.

    A warning names the planned platforms that none of them has.
    """
    builder = _existing(name or run.settings.builder)
    if json:
        document(_as_json(run, builder))
        return
    result((Styled(builder.name, "strong"), f", driver {builder.driver}"))
    _show_nodes(builder, indent=2)
    for text in _lacking(run, builder):
        warn(text)


@task(
    may_be_positional="name",
    help={"name": _NAME, "yes": "don't ask", "keep_cache": "leave its cache for a builder of the same name"},
)
def remove(run: Run, name: str | None = None, yes: bool = False, keep_cache: bool = False) -> None:
    """Remove a builder and its cache, after asking.

    The docker contexts that builder.create made for its nodes go with it.
    """
    from ecr_tasks.plan.builder import DEFAULT_NAME

    builder = _existing(name or run.settings.builder or DEFAULT_NAME)
    if builder.driver in ("docker", ""):
        raise Refused(
            f"The builder {builder.name} is an engine's own, and is there as long as the engine is.",
            "Name one that `inv builder.create` has made, or buildx itself.",
        )
    what = f"the builder {builder.name}{'' if keep_cache else ' with its cache'}"
    if run.dry:
        say(f"would remove {what}")
        return
    if not yes and not agrees(f"Remove {what}?", in_ci=run.in_ci):
        raise Refused("Nothing was removed: nobody said yes.", "Answer y on a terminal, or say --yes.")
    with working(f"removing {what}"):
        contexts = _builders().remove(builder, keep_cache=keep_cache)
    say(f"{builder.name}: removed" + "".join(f", with the docker context {context}" for context in contexts))


def _builders() -> Builders:
    from ecr_tasks.clients.docker.builders import Builders

    return Builders(os.environ)


def _existing(name: str | None) -> Builder:
    with working("asking buildx"):
        builder = _builders().find(name)
    if builder is None:
        raise BuildError(
            f"There is no builder {name}.",
            "`inv builder.create` creates it; `docker buildx ls` lists those that are there.",
        )
    return builder


def _created(builders: Builders, wanted: WantedBuilder) -> tuple[Builder, bool]:
    """Return the builder, started, and whether it is new. Raises Refused for another one of that name."""
    from ecr_tasks.clients.docker.builders import tls_digests
    from ecr_tasks.plan.builder import differences, tls_files

    there = builders.find(wanted.name)
    if there is None:
        return builders.create(wanted), True
    if found := differences(wanted, builders.with_tls(there), tls_digests(tls_files(wanted))):
        raise Refused(
            f"There is another builder {wanted.name}: {'; '.join(found)}.",
            f"Give the new one another name, or remove it first: `inv builder.remove {wanted.name}`.",
        )
    return builders.start(wanted), False


def _lacking(run: Run, builder: Builder) -> list[str]:
    """Return a sentence about the planned platforms that no node has; nothing while some haven't answered."""
    from ecr_tasks.plan.builder import lacking_platforms

    lacking = lacking_platforms(run.settings.platforms, builder)
    if not lacking:
        return []
    return [
        f"No node of {builder.name} runs programs of {', '.join(lacking)} (ECR_PLATFORMS): add one (--node), or "
        "emulation (--emulate, ECR_EMULATION=install)."
    ]


def _show_nodes(builder: Builder, *, indent: int) -> None:
    rows = [
        (
            Styled(node.name, "strong"),
            node.endpoint,
            node.error or node.status or "unknown",
            ", ".join(name.rstrip("*") for name in node.platforms) or "unknown until it runs",
        )
        for node in builder.nodes
    ]
    columns = ("node", Column("address", least=16), "state", Column("platforms", least=16))
    result_table(columns, rows, indent=indent)


def _as_json(run: Run, builder: Builder) -> dict[str, Any]:
    from ecr_tasks.plan.builder import lacking_platforms

    return {
        "name": builder.name,
        "driver": builder.driver or None,
        "platforms": list(builder.platforms),
        "lacking": list(lacking_platforms(run.settings.platforms, builder)),
        "nodes": [node.as_json() for node in builder.nodes],
    }


def _emulated(text: str, driver: str) -> list[str]:
    """Return the architectures to emulate, as binfmt names them. Raises SettingsError."""
    from ecr_tasks.model.platform import architecture_of

    names = [name.strip() for name in text.split(",") if name.strip()]
    if text and not names:
        raise SettingsError(f"--emulate {text[:80]!r} names no architecture.", "Write arm64, riscv64, s390x ….")
    if names and driver == "remote":
        raise SettingsError(
            "--emulate installs into an engine, and the machine of a remote BuildKit can't be reached for that.",
            "Install qemu-user-static or tonistiigi/binfmt on that machine.",
        )
    for name in names:
        if architecture_of(name) is None:
            cause = f"--emulate {name[:80]!r}: there is no such architecture."
            raise SettingsError(cause, "Write arm64, riscv64, s390x ….")
    return list(dict.fromkeys(filter(None, map(architecture_of, names))))


def _tls_folder(project: Path, text: str) -> Path | None:
    """Return the folder with TLS files. Raises SettingsError where one of them can't be read."""
    from ecr_tasks.files import is_file
    from ecr_tasks.plan.builder import TLS_FILES

    if not text:
        return None
    folder = _path(project, text)
    for name in TLS_FILES:
        file = folder / name  # docker would wait for who writes into a pipe
        if not is_file(file) or not os.access(file, os.R_OK):
            raise SettingsError(
                f"--tls {text[:200]!r} has no file {name} that can be read.",
                f"Name a folder with {', '.join(TLS_FILES)}, as DOCKER_CERT_PATH has it.",
            )
    return folder


def _file(project: Path, text: str) -> Path | None:
    from ecr_tasks.files import is_file

    if not text:
        return None
    path = _path(project, text)
    if not is_file(path):
        cause = f"--config {text[:200]!r}: there is no such file."
        raise SettingsError(cause, "Name a buildkitd.toml, or leave it out.")
    return path


def _path(project: Path, text: str) -> Path:
    from ecr_tasks.files import resolved

    return resolved(project / os.path.expanduser(text))  # noqa: PTH111 - a user that there isn't is no error
