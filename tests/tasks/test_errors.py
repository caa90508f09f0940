"""Errors on a command line: two sentences on stderr, an exit code, and the traceback with ECR_DEBUG."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import BuildError
from tests.tasks.conftest import Project

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_all_settings_that_are_wrong_are_told_at_once(project: Project) -> None:
    project.write(".env", "ECR_REPOSITORY=Team/App\nAWS_ACCOUNT_ID=12\nECR_REPOSITROY=x\n")
    done = project.inv("build", "push")
    assert (done.code, done.stdout) == (2, "")
    for line in (".env:1", ".env:2", ".env:3"):
        assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert project.calls.log == []


def test_a_repository_is_asked_for_by_its_setting(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\n")
    done = project.inv("build")
    assert (done.code, done.stdout) == (2, "")
    assert "ECR_REPOSITORY" in done.stderr


@pytest.mark.parametrize("where", ["environment", "file", "environment, with wrong settings"])
def test_debug_shows_the_traceback_and_changes_nothing_else(project: Project, where: str) -> None:
    project.docker.build_error = BuildError("The build failed.", "Mend it.")
    if where == "file":
        project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_DEBUG=1\n")
        done = project.inv("build")
    else:
        wrong = {"AWS_ACCOUNT_ID": "12"} if "wrong" in where else {}
        done = project.inv("build", ECR_DEBUG="1", **wrong)
    assert done.code == (2 if "wrong" in where else 3)
    assert done.stdout == ""
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().splitlines()[-2].startswith("ecr-tasks: ")


def test_an_error_nobody_foresaw_keeps_its_traceback(project: Project) -> None:
    def stumble() -> None:
        raise ZeroDivisionError

    project.calls.before["build"] = stumble
    with pytest.raises(ZeroDivisionError):
        project.inv("build")
