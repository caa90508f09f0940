"""Tests of `settings` on a command line."""

from __future__ import annotations

import pytest

from tests.tasks.conftest import Project

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_the_settings_that_somebody_has_set_are_a_table_on_stdout(project: Project) -> None:
    result = project.inv("settings")
    names = [line.split()[0] for line in result.stdout.splitlines()]
    assert ".env:2" in result.stdout.splitlines()[names.index("ECR_REPOSITORY")]
    assert "ECR_CACHE" not in names
    assert "--all shows them" in result.stderr
    assert "ECR_CACHE" in project.inv("settings", "--all").stdout


@pytest.mark.parametrize("words", [("ECR_CACHE",), ("--name", "ECR_CACHE"), ("cache",), ("--json", "ecr-cache")])
def test_one_setting_is_shown_by_its_name(project: Project, words: tuple[str, ...]) -> None:
    result = project.inv("settings", *words)
    if "--json" in words:
        assert list(result.document["settings"]) == ["ECR_CACHE"]
    else:
        assert [line.split() for line in result.stdout.splitlines()] == [
            ["name", "value", "from"],
            ["ECR_CACHE", "off", "default"],
        ]


def test_a_misspelt_name_of_a_setting_gets_a_suggestion(project: Project) -> None:
    result = project.inv("settings", "ECR_CASHE")
    assert (result.code, result.stdout) == (2, "")
    assert "Did you mean ECR_CACHE?" in result.stderr


def test_settings_as_json_are_one_document_without_secrets(project: Project) -> None:
    keys = f"AWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={SECRET}\nECR_BUILD_ARGS=TOKEN=hush\n"
    project.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n{keys}")
    result = project.inv("settings", "--json")
    assert result.document["settings"]["ECR_REPOSITORY"]["value"] == "team/app"
    assert result.document["settings"]["ECR_REPOSITORY"]["origin"] == ".env:2"
    for secret in (KEY, SECRET, "hush"):
        assert secret not in result.stdout + result.stderr
