"""From files, environment and Invoke configuration to :class:`Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecr_tasks.settings.model import Settings


def load(
    project: Path,
    *,
    env_name: str | None = None,
    environ: Mapping[str, str],
    config: Mapping[str, object] | None = None,
    overrides: Mapping[str, str] | None = None,
    overrides_origin: str = "local ECR",
) -> Settings:
    """Read the settings of a project."""
    raise NotImplementedError
