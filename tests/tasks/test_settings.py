"""settings, env and init on a command line; and how every error looks there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.model.repository import DesiredRepository
from tests.tasks.conftest import Project

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_settings_are_shown_to_people_on_stderr(project: Project) -> None:
    done = project.inv("settings")
    assert (done.code, done.stdout) == (0, "")
    assert ".env:2" in next(line for line in done.stderr.splitlines() if line.startswith("ECR_REPOSITORY "))


def test_settings_as_json_are_one_document_without_secrets(project: Project) -> None:
    keys = f"AWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={SECRET}\nECR_BUILD_ARGS=TOKEN=hush\n"
    project.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n{keys}")
    done = project.inv("settings", "--json")
    assert done.document["settings"]["ECR_REPOSITORY"]["value"] == "team/app"
    assert done.document["settings"]["ECR_REPOSITORY"]["origin"] == ".env:2"
    for secret in (KEY, SECRET, "hush"):
        assert secret not in done.stdout + done.stderr


def test_env_chooses_a_file_for_the_tasks_that_follow(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    found = project.inv("env", "prod", "settings", "--json").document["settings"]["ECR_REPOSITORY"]
    assert (found["value"], found["origin"]) == ("team/prod", ".env.prod:1")
    found = project.inv("settings", "--json").document["settings"]["ECR_REPOSITORY"]
    assert found["value"] == "team/app"


def test_env_applies_from_where_it_stands(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    project.registry.admin.create("team/prod", DesiredRepository())
    done = project.inv("build", "env", "prod", "push")
    assert done.code == 0
    assert "/team/prod@sha256:" in done.stdout
    assert [call[1] for call in project.calls.named("build")] == ["team/app", "team/prod"]


def test_an_env_that_is_not_there_names_those_that_are(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    done = project.inv("env", "porduction", "build")
    assert (done.code, done.stdout) == (2, "")
    assert ".env.porduction" in done.stderr
    assert "prod" in done.stderr
    assert project.calls.made == []


def test_a_warning_says_that_the_environment_beats_the_chosen_file(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    done = project.inv("env", "prod", "settings", "--json", ECR_REPOSITORY="team/mine")
    assert done.document["settings"]["ECR_REPOSITORY"]["value"] == "team/mine"
    assert "Warning: " in done.stderr
    assert "team/prod" in done.stderr


def test_all_settings_that_are_wrong_are_told_at_once(project: Project) -> None:
    project.write(".env", "ECR_REPOSITORY=Team/App\nAWS_ACCOUNT_ID=12\nECR_REPOSITROY=x\n")
    done = project.inv("build", "push")
    assert (done.code, done.stdout) == (2, "")
    for line in (".env:1", ".env:2", ".env:3"):
        assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert project.calls.made == []


def test_a_repository_is_asked_for_by_its_setting(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\n")
    done = project.inv("build")
    assert (done.code, done.stdout) == (2, "")
    assert "ECR_REPOSITORY" in done.stderr


@pytest.mark.parametrize("where", ["environment", "file", "environment, with wrong settings"])
def test_debug_shows_the_traceback_and_changes_nothing_else(project: Project, where: str) -> None:
    project.docker.broken = BuildError("The build failed.", "Mend it.")
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


def test_init_writes_a_start_and_says_so(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert project.inv("--dry", "init").code == 0
    assert list(folder.iterdir()) == []
    done = project.inv("init")
    assert (done.code, done.stdout) == (0, "")
    assert {path.name for path in folder.iterdir()} == {".env", "tasks.py", ".gitignore", ".dockerignore"}
    for name in (".env", "tasks.py", ".gitignore", ".dockerignore"):
        assert name in done.stderr
