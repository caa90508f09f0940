"""What an image's configuration shows to everybody who has the image (OCI image specification, config.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from ecr_tasks.frozen import dataclass

_COMMANDS = ("Cmd", "Entrypoint", "OnBuild")


@dataclass(frozen=True)
class ImageConfig:
    """The texts of one platform's configuration, which may have secrets.

    ``history`` has the instructions in their order, the base image's first, each with the build arguments that it
    could read. ``commands`` has the default command, the entry point, the health check's and the ``ONBUILD``
    instructions by the names that the specification has for them.
    """

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    history: tuple[str, ...] = field(default=(), repr=False)
    commands: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse_image_config(config: Mapping[str, Any], history: Iterable[str]) -> ImageConfig:
    """Return what the ``config`` of an image's configuration shows, and its history's ``created_by`` texts."""
    pairs = (str(entry).partition("=") for entry in config.get("Env") or ())
    commands = {name: "\n".join(map(str, config.get(name) or ())) for name in _COMMANDS}
    commands["Healthcheck"] = "\n".join(map(str, (config.get("Healthcheck") or {}).get("Test") or ()))
    return ImageConfig(
        {name: value for name, _, value in pairs},
        {str(key): str(value) for key, value in (config.get("Labels") or {}).items()},
        tuple(history),
        {name: text for name, text in commands.items() if text},
    )
