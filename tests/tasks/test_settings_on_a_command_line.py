"""Tests of `settings` on a command line."""

from __future__ import annotations

from tests.tasks.conftest import Project

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_settings_are_shown_to_people_on_stderr(project: Project) -> None:
    result = project.inv("settings")
    assert (result.code, result.stdout) == (0, "")
    assert ".env:2" in next(line for line in result.stderr.splitlines() if line.startswith("ECR_REPOSITORY "))


def test_settings_as_json_are_one_document_without_secrets(project: Project) -> None:
    keys = f"AWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={SECRET}\nECR_BUILD_ARGS=TOKEN=hush\n"
    project.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n{keys}")
    result = project.inv("settings", "--json")
    assert result.document["settings"]["ECR_REPOSITORY"]["value"] == "team/app"
    assert result.document["settings"]["ECR_REPOSITORY"]["origin"] == ".env:2"
    for secret in (KEY, SECRET, "hush"):
        assert secret not in result.stdout + result.stderr
