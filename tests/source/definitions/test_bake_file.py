"""The bake or compose file of a project: by setting, by name, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.errors import ExitCode, SettingsError
from ecr_tasks.source.definitions.bake_file import BAKE_FILES, bake_file
from tests.support.build import settings


def test_one_image_needs_no_bake_file(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").touch()
    assert bake_file(settings(project=tmp_path)) is None


def test_the_setting_wins(tmp_path: Path) -> None:
    (tmp_path / "docker-bake.hcl").touch()
    other = tmp_path / "other.hcl"
    assert bake_file(settings(project=tmp_path, bake_file=other, repository_prefix="team/")) == other


def test_with_a_prefix_the_first_default_name_is_taken(tmp_path: Path) -> None:
    for name in reversed(BAKE_FILES):
        (tmp_path / name).touch()
        assert bake_file(settings(project=tmp_path, repository_prefix="team/")) == tmp_path / name


def test_with_a_prefix_there_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").mkdir()
    with pytest.raises(SettingsError, match="no bake or compose file") as caught:
        bake_file(settings(project=tmp_path, repository_prefix="team/"))
    assert caught.value.code == ExitCode.SETTINGS
