"""A buildx builder: what is to be created, and what buildx says of one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from ecr_tasks.frozen import dataclass

Driver = Literal["docker-container", "kubernetes", "remote"]

DRIVERS: tuple[Driver, ...] = ("docker-container", "kubernetes", "remote")
"""The drivers of builders that can be created (https://docs.docker.com/build/builders/drivers/)."""


@dataclass(frozen=True)
class WantedNode:
    """A machine of a builder that is to be created.

    ``address`` is a docker context, or an address of an engine or of a BuildKit; empty for the engine that docker
    uses. ``platforms`` are those that it is to build; empty for those that it offers.
    """

    address: str = ""
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True)
class WantedBuilder:
    """A builder that is to be created. ``tls`` is a folder with ca.pem, cert.pem and key.pem."""

    name: str
    driver: Driver
    nodes: tuple[WantedNode, ...]
    options: tuple[str, ...] = ()
    tls: Path | None = None
    config: Path | None = None


@dataclass(frozen=True)
class Node:
    """A machine of a builder. ``platforms`` has a ``*`` behind those that were set; empty until it has answered.

    ``tls`` has the digests of its TLS files, where they were looked at; empty for a node without any.
    """

    name: str
    endpoint: str
    status: str = ""
    version: str = ""
    platforms: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    tls: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the node as `builder.show --json` prints it."""
        return {
            "name": self.name,
            "endpoint": self.endpoint,
            "status": self.status or None,
            "buildkit": self.version or None,
            "platforms": [name.rstrip("*") for name in self.platforms],
            "options": dict(self.options),
            "error": self.error or None,
        }


@dataclass(frozen=True)
class Builder:
    """A builder that is there."""

    name: str
    driver: str
    nodes: tuple[Node, ...]

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that its nodes list, each once."""
        return tuple(dict.fromkeys(name.rstrip("*") for node in self.nodes for name in node.platforms))
