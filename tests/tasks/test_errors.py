"""Tests of errors on a command line: two sentences on stderr, an exit code, and the traceback with ECR_DEBUG."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import BuildError
from tests.tasks.conftest import Project


def test_all_wrong_settings_are_named_in_one_run(project: Project) -> None:
    project.write(".env", "ECR_REPOSITORY=Team/App\nAWS_ACCOUNT_ID=12\nECR_REPOSITROY=x\n")
    result = project.inv("build", "push")
    assert (result.code, result.stdout) == (2, "")
    for line in (".env:1", ".env:2", ".env:3"):
        assert line in result.stderr
    assert "Traceback" not in result.stderr
    assert project.calls.log == []


def test_a_missing_repository_setting_is_named(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\n")
    result = project.inv("build")
    assert (result.code, result.stdout) == (2, "")
    assert "ECR_REPOSITORY" in result.stderr


@pytest.mark.parametrize("where", ["environment", "file", "environment, with wrong settings"])
def test_debug_shows_the_traceback_and_changes_nothing_else(project: Project, where: str) -> None:
    project.docker.build_error = BuildError("The build failed.", "Mend it.")
    if where == "file":
        project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_DEBUG=1\n")
        result = project.inv("build")
    else:
        wrong = {"AWS_ACCOUNT_ID": "12"} if "wrong" in where else {}
        result = project.inv("build", ECR_DEBUG="1", **wrong)
    assert result.code == (2 if "wrong" in where else 3)
    assert result.stdout == ""
    assert "Traceback" in result.stderr
    assert result.stderr.rstrip().splitlines()[-2].startswith("ecr-tasks: ")


def test_an_unknown_error_keeps_its_traceback(project: Project) -> None:
    def raise_unknown_error() -> None:
        raise ZeroDivisionError

    project.calls.before["build"] = raise_unknown_error
    with pytest.raises(ZeroDivisionError):
        project.inv("build")
