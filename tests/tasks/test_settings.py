"""Tests of how the settings are shown: rows, JSON, and no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecr_tasks.console import Styled
from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.hide_secrets import hide_secrets
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.tasks.settings import as_json, as_rows, find_name
from tests.support.dotenv_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return an empty project folder."""
    return Project(tmp_path)


def test_every_setting_has_a_row_with_its_value_and_origin(project: Project) -> None:
    project.write("ECR_REPOSITORY=app\nAWS_MAX_ATTEMPTS=3\nMY_APP=x")
    rows = {name: (value, origin) for name, value, origin in as_rows(project.load({"AWS_REGION": "eu-west-1"}))}
    assert set(TABLE) <= set(rows)
    assert rows["ECR_REPOSITORY"] == ("app", ".env:1")
    assert rows["AWS_REGION"] == ("eu-west-1", "environment variable AWS_REGION")
    assert rows["AWS_ACCOUNT_ID"] == (Styled("(the caller's)", "dim"), "default")
    assert rows["ECR_CACHE"] == ("off", "default")
    assert "AWS_MAX_ATTEMPTS" in rows
    assert "MY_APP" not in rows


def test_json_has_the_same_and_null_for_what_is_not_set(project: Project) -> None:
    project.write("ECR_PLATFORMS=linux/amd64")
    document = json.loads(json.dumps(as_json(project.load())))
    assert document["files"] == [str(project.path / ".env")]
    assert document["settings"]["ECR_PLATFORMS"] == {
        "value": "linux/amd64",
        "origin": ".env:1",
        "from": "file",
    }
    assert document["settings"]["AWS_REGION"]["value"] is None


SECRETS = """
AWS_ACCESS_KEY_ID=AKIAHUNTERHUNTER2345
AWS_SECRET_ACCESS_KEY=hunter2
AWS_SESSION_TOKEN=hunter2
AWS_SOMETHING_NEW=hunter2
AWS_ENDPOINT_URL=https://user:hunter2@host/
ECR_CONTEXT=https://hunter2@github.com/org/app
ECR_BUILD_ARGS="
TOKEN=hunter2,hunter2
VERSION
"
ECR_CACHE=type=s3,bucket=b,region=r,access_key_id=hunter2,secret_access_key=hunter2
NPM_TOKEN=hunter2
VERSION=hunter2
"""


def test_secrets_are_hidden_everywhere(project: Project) -> None:
    project.write(SECRETS)
    settings = project.load()
    output = "\n".join(
        [
            json.dumps(as_json(settings)),
            repr(as_rows(settings)),
            repr(settings),
            str(settings),
            repr(settings.values["AWS_SECRET_ACCESS_KEY"]),
            repr(settings.values["ECR_BUILD_ARGS"]),
        ]
    )
    assert "hunter2" not in output
    assert "AKIAHUNTER" not in output
    rows = {name: value for name, value, _ in as_rows(settings)}
    assert rows["AWS_ACCESS_KEY_ID"] == "…hidden2345"
    assert rows["ECR_BUILD_ARGS"] == "TOKEN=…hidden, VERSION"
    assert "bucket=b" in str(rows["ECR_CACHE"])


def test_a_short_access_key_is_hidden_whole(project: Project) -> None:
    assert hide_secrets("AWS_ACCESS_KEY_ID", "test") == "…hidden"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("region", "AWS_REGION"),
        ("account_id", "AWS_ACCOUNT_ID"),
        ("ecr.account_id", "AWS_ACCOUNT_ID"),
        ("tags", "ECR_TAGS"),
        ("ecr-tags", "ECR_TAGS"),
        ("AWS_MAX_ATTEMPTS", "AWS_MAX_ATTEMPTS"),
    ],
)
def test_a_setting_is_shown_by_each_of_its_names(project: Project, text: str, name: str) -> None:
    project.write("ECR_REGION=eu-west-1\nAWS_MAX_ATTEMPTS=3")  # the first is none, and hides none
    assert find_name(text, project.load()) == name


def test_a_name_that_only_stands_for_a_setting_is_no_setting(project: Project) -> None:
    project.write("ECR_REGION=eu-west-1")
    with pytest.raises(SettingsError) as error:
        find_name("ecr_region", project.load())
    assert error.value.remedy.startswith("Did you mean AWS_REGION?")
