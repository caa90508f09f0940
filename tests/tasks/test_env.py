"""The `env` task: which dotenv file counts."""

from __future__ import annotations

from ecr_tasks.model.repository import DesiredRepository
from tests.tasks.conftest import Project

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


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
    assert project.calls.log == []


def test_a_warning_says_that_the_environment_beats_the_chosen_file(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    done = project.inv("env", "prod", "settings", "--json", ECR_REPOSITORY="team/mine")
    assert done.document["settings"]["ECR_REPOSITORY"]["value"] == "team/mine"
    assert "Warning: " in done.stderr
    assert "team/prod" in done.stderr
