"""Decides which commands of docker's create a builder, and whether one that is there is the one that is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.builder import DRIVERS, Builder, Node, WantedBuilder, WantedNode
from ecr_tasks.model.option_fields import join_fields
from ecr_tasks.model.platform import LOCAL, covers, parse_platform

DEFAULT_NAME = "ecr-tasks"
TLS_FILES = ("ca.pem", "cert.pem", "key.pem")
"""The files of docker's TLS folders (DOCKER_CERT_PATH)."""

TLS_OPTIONS = ("cacert", "cert", "key")
"""The remote driver's options for them (https://docs.docker.com/build/builders/drivers/remote/)."""

_NAME = r"[a-zA-Z][a-zA-Z0-9._-]{0,127}"
_SCHEMES = {
    "docker-container": ("unix://", "tcp://", "ssh://", "npipe://"),
    "remote": ("unix://", "tcp://", "docker-container://", "kube-pod://"),
}
_WHAT = {
    "docker-container": "an engine's address (ssh://user@host, tcp://host:2376, unix:///path) or a docker context",
    "remote": "a BuildKit's address (tcp://host:port, unix:///path, docker-container://NAME, kube-pod://NAME)",
}


def wanted_builder(
    name: str, driver: str, nodes: Sequence[str], options: Sequence[str], tls: Path | None, config: Path | None
) -> WantedBuilder:
    """Return the builder that was asked for. ``nodes`` are texts ``[PLATFORM[,PLATFORM]=]ADDRESS``.

    docker-container has the engine that docker uses as its first node, and the others beside it. Raises SettingsError
    for what can't be one.
    """
    known = next((item for item in DRIVERS if item == driver), None)
    if known is None:
        raise SettingsError(f"{driver[:80]!r} is no driver of builders.", f"Write --driver {', '.join(DRIVERS)}.")
    if not re.fullmatch(_NAME, name) or name == "default":
        raise SettingsError(
            f"{name[:80]!r} can't be the name of a builder.",
            "Give it one of up to 128 letters, digits, dots, dashes and underlines that begins with a letter; "
            "default is the engine's own builder.",
        )
    for option in options:
        if "=" not in option or option.startswith("="):
            raise SettingsError(
                f"--option {option[:80]!r} has no value.", "Write NAME=VALUE, as buildx's --driver-opt."
            )
    parsed = tuple(_node(text, driver) for text in nodes)
    addresses = [node.address for node in parsed if node.address]
    if twice := next((address for address in addresses if addresses.count(address) > 1), None):
        raise SettingsError(f"--node {twice} is there twice.", "Name each machine once: linux/amd64,linux/arm64=….")
    if known == "remote" and not parsed:
        raise SettingsError("A builder of the remote driver needs an address.", f"Write --node with {_WHAT[known]}.")
    if known == "docker-container":
        parsed = (WantedNode(), *parsed)
    if known == "kubernetes" and not parsed:
        parsed = (WantedNode(),)
    if tls is not None and not any(node.address.startswith("tcp://") for node in parsed):
        raise SettingsError("--tls is for a node with a tcp:// address, and none has one.", "Leave it out.")
    return WantedBuilder(name, known, parsed, tuple(options), tls, config)


def _node(text: str, driver: str) -> WantedNode:
    shown = f"--node {text[:80]!r}"
    scheme, _, rest = text.partition("://") if "://" in text else ("", "", text)
    if not scheme.endswith(("unix", "npipe")) and ":" in rest.rpartition("@")[0]:  # before any word shows it
        raise SettingsError(
            "An address of a node must not contain a password.", "Use an ssh key, or TLS files (--tls)."
        )
    names, mark, address = text.partition("=")
    if not mark or "://" in names:  # the = is one of the address, as in kube-pod://NAME?namespace=build
        names, mark, address = "", "", text
    platforms = []
    for name in names.split(",") if mark else ():
        platform = parse_platform(name)
        if platform in (None, LOCAL):
            raise SettingsError(
                f"{shown}: {name[:80]!r} is no platform.", "Write PLATFORM=ADDRESS, as linux/arm64=…."
            )
        platforms.append(str(platform))
    if driver == "kubernetes":
        if address:
            raise SettingsError(
                f"{shown}: pods have no address.",
                "Write --node linux/arm64= for pods of a platform, and --option nodeselector=… for where they run.",
            )
    elif not address:
        raise SettingsError(f"{shown} has no address.", f"Write {_WHAT[driver]}.")
    elif "://" in address:
        if not address.startswith(_SCHEMES[driver]) or not _is_whole(address):
            raise SettingsError(f"{shown} is no address for this driver.", f"Write {_WHAT[driver]}.")
    elif driver == "remote" or not re.fullmatch(_NAME, address):
        raise SettingsError(f"{shown} is no address.", f"Write {_WHAT[driver]}.")
    return WantedNode(address, tuple(platforms))


def _is_whole(address: str) -> bool:
    """Return whether an address has a path, or a host that is no flag and, with tcp://, a port."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "tcp" and not port:
        return False
    return bool(parts.netloc or parts.path) and not parts.netloc.rpartition("@")[2].startswith("-")


def create_commands(wanted: WantedBuilder, environ: Mapping[str, str], home: Path) -> Iterator[tuple[str, ...]]:
    """Yield the arguments of the docker commands that create a builder.

    buildx takes no TLS files for an engine, neither as options nor from the environment ("use `docker context
    create`"), so such a node is a docker context of its own.
    """
    for number, node in enumerate(wanted.nodes):
        address, tls = node.address, wanted.tls
        options = list(wanted.options)
        if wanted.driver == "docker-container":
            if not address and environ.get("DOCKER_TLS_VERIFY") and environ.get("DOCKER_HOST", "").startswith("tcp:"):
                address, tls = environ["DOCKER_HOST"], Path(environ.get("DOCKER_CERT_PATH") or home / ".docker")
            if tls is not None and address.startswith("tcp://"):
                files = {key: str(tls / name) for key, name in zip(("ca", "cert", "key"), TLS_FILES, strict=True)}
                fields = join_fields({"host": address, **files})
                address = context_name(wanted.name, number)
                yield ("context", "create", address, "--docker", fields)
        elif wanted.driver == "remote" and tls is not None and address.startswith("tcp://"):
            named = zip(TLS_OPTIONS, TLS_FILES, strict=True)
            options += [f"{key}={tls / name}" for key, name in named]
        yield (
            *("buildx", "create", "--name", wanted.name, "--node", node_name(wanted.name, number)),
            *("--driver", wanted.driver),
            *(("--append",) if number else ()),
            *(("--platform", ",".join(node.platforms)) if node.platforms else ()),
            *(word for option in options for word in ("--driver-opt", option)),
            *(("--buildkitd-config", str(wanted.config)) if wanted.config else ()),
            *((address,) if address else ()),
        )


def node_name(name: str, number: int) -> str:
    """Return the name of a builder's node."""
    return f"{re.sub('[^a-zA-Z0-9-]', '-', name)}{number}"


def context_name(name: str, number: int) -> str:
    """Return the name of the docker context that is created for a builder's node."""
    return f"{name}-node{number}"


def tls_files(wanted: WantedBuilder) -> tuple[str, ...]:
    """Return the TLS files that the nodes at tcp:// addresses are to have, without a name for one that they lack."""
    if wanted.tls is not None:
        return tuple(str(wanted.tls / name) for name in TLS_FILES)
    options = dict(option.split("=", 1) for option in wanted.options)
    return tuple(options.get(name, "") for name in TLS_OPTIONS)


def differences(wanted: WantedBuilder, builder: Builder, tls: tuple[str, ...] = ()) -> list[str]:
    """Return in what a builder that is there differs from the wanted one, in words; nothing where it is that one.

    Its nodes have their own addresses, and ``tls``, like theirs, are the digests of the wanted :func:`tls_files`.
    """
    if builder.driver != wanted.driver:
        return [f"its driver is {builder.driver}"]
    if len(builder.nodes) != len(wanted.nodes):
        return [f"it has {len(builder.nodes)} {'node' if len(builder.nodes) == 1 else 'nodes'}"]
    pairs = zip(wanted.nodes, builder.nodes, strict=True)
    return [text for node, there in pairs for text in _differs(wanted, node, there, tls)]


def _differs(wanted: WantedBuilder, node: WantedNode, there: Node, tls: tuple[str, ...]) -> Iterator[str]:
    if node.address and there.endpoint != node.address:
        yield f"its node {there.name} is {there.endpoint}"
    elif node.address.startswith("tcp://") and there.tls != tls:
        yield f"its node {there.name} has {'other ' if there.tls and tls else 'no ' if tls else ''}TLS files"
    set_platforms = {name.rstrip("*") for name in there.platforms if name.endswith("*")}
    if set_platforms != set(node.platforms):
        yield f"its node {there.name} is for {', '.join(sorted(set_platforms)) or 'what it offers'}"
    for option in wanted.options:
        name, _, value = option.partition("=")
        if there.options.get(name) != value:
            yield f"its node {there.name} has {name}={there.options.get(name, '')}"


def lacking_platforms(planned: Sequence[str], builder: Builder) -> tuple[str, ...]:
    """Return the planned platforms that no node lists; none while a node hasn't said which it has."""
    if any(not node.platforms for node in builder.nodes):
        return ()
    offered = {parse_platform(name) or name for name in builder.platforms}
    wanted = (parse_platform(name) or name for name in planned)
    return tuple(
        name for name in dict.fromkeys(wanted) if name != LOCAL and not any(covers(other, name) for other in offered)
    )
