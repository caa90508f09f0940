"""The schema: one row makes a setting, its field, its key in Invoke's configuration and its default."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from ecr_tasks.settings.schema import TABLE, Schema
from ecr_tasks.settings.setting import Display
from ecr_tasks.settings.settings import Settings
from tests.support.dotenv_project import Project


def test_every_row_is_a_field_of_the_settings_and_has_a_name_of_its_own() -> None:
    rows = [row.name for row in fields(Schema)]
    assert [setting.field for setting in TABLE.values()] == rows
    assert set(rows) < {field.name for field in fields(Settings)}
    assert all(setting.display in get_args(Display) for setting in TABLE.values())


@pytest.mark.parametrize("name", TABLE)
def test_a_fields_name_is_the_settings_key_in_the_configuration(project: Project, name: str) -> None:
    for file in (
        "docker-bake.hcl",
        "ecr/lifecycle.json",
        "ecr/policy.json",
        "ecr/accepted.yaml",
        ".env.ecr",
        "registry.yaml",
    ):
        project.write("", file)
    setting = TABLE[name]
    settings = project.load(config={setting.field: setting.example})
    assert getattr(settings, setting.field) == getattr(project.load({name: setting.example}), setting.field)
    assert str(settings.origin(name)) == f"Invoke configuration ecr.{setting.field}"


def test_settings_without_a_file_have_the_defaults_of_their_rows(project: Project) -> None:
    loaded, defaults = project.load(), Settings(project=project.path, context=str(project.path))
    for field in fields(Schema):
        assert getattr(loaded, field.name) == getattr(defaults, field.name), field.name


def test_the_first_row_begins_a_group() -> None:
    headings = [setting.heading for setting in TABLE.values() if setting.heading]
    assert next(iter(TABLE.values())).heading
    assert len(headings) == len(set(headings))
