"""The fixture of the settings' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dotenv_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return an empty project folder."""
    return Project(tmp_path)
