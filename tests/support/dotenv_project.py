"""A project folder with dotenv files, for tests of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ecr_tasks.settings.errors import SettingsProblems
from ecr_tasks.settings.load import load
from ecr_tasks.settings.settings import Settings


class Project:
    """A folder with dotenv files, whose settings are loaded without the real environment."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str, name: str = ".env") -> Path:
        """Write a file, byte for byte, and return its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def load(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        env: str | None = None,
        config: Mapping[str, object] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> Settings:
        """Load the settings."""
        return load(self.path, env_name=env, environ=environ or {}, config=config, overrides=overrides)

    def problems(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        env: str | None = None,
        config: Mapping[str, object] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Return the problems that loading the settings raises."""
        with pytest.raises(SettingsProblems) as error:
            self.load(environ, env=env, config=config, overrides=overrides)
        return list(error.value.problems)

    def problem(self, environ: Mapping[str, str] | None = None, *, config: Mapping[str, object] | None = None) -> str:
        """Return the only problem that loading the settings raises."""
        (problem,) = self.problems(environ, config=config)
        return problem
