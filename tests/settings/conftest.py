"""A project folder to put dotenv files into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ecr_tasks.settings.errors import SettingsProblems
from ecr_tasks.settings.load import load
from ecr_tasks.settings.settings import Settings


class Project:
    """A folder with dotenv files, and what loading it gives. The real environment stays out of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str, name: str = ".env") -> Path:
        """Put a file there, byte for byte."""
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
        """Its settings."""
        return load(self.path, env_name=env, environ=environ or {}, config=config, overrides=overrides)

    def problems(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        env: str | None = None,
        config: Mapping[str, object] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> list[str]:
        """What is wrong with them."""
        with pytest.raises(SettingsProblems) as caught:
            self.load(environ, env=env, config=config, overrides=overrides)
        return list(caught.value.problems)

    def problem(self, environ: Mapping[str, str] | None = None, **more: Mapping[str, object]) -> str:
        """The one thing that is wrong."""
        (only,) = self.problems(environ, config=more.get("config"))
        return only


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project folder."""
    return Project(tmp_path)
