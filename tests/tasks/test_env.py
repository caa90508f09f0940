"""Tests of `env`, which chooses the dotenv file."""

from __future__ import annotations

from ecr_tasks.model.repository import DesiredRepository
from tests.tasks.conftest import Project


def test_env_chooses_a_file_for_the_tasks_that_follow(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    setting = project.inv("env", "prod", "settings", "--json").document["settings"]["ECR_REPOSITORY"]
    assert (setting["value"], setting["origin"]) == ("team/prod", ".env.prod:1")
    setting = project.inv("settings", "--json").document["settings"]["ECR_REPOSITORY"]
    assert setting["value"] == "team/app"


def test_env_applies_to_the_tasks_after_it(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    project.registry.admin.create("team/prod", DesiredRepository())
    result = project.inv("build", "env", "prod", "push")
    assert result.code == 0
    assert "/team/prod@sha256:" in result.stdout
    assert [call[1] for call in project.calls.named("build")] == ["team/app", "team/prod"]


def test_a_missing_env_file_is_an_error_that_names_the_existing_ones(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    result = project.inv("env", "porduction", "build")
    assert (result.code, result.stdout) == (2, "")
    assert ".env.porduction" in result.stderr
    assert "prod" in result.stderr
    assert project.calls.log == []


def test_a_warning_says_that_the_environment_overrides_the_chosen_file(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    result = project.inv("env", "prod", "settings", "--json", ECR_REPOSITORY="team/mine")
    assert result.document["settings"]["ECR_REPOSITORY"]["value"] == "team/mine"
    assert "Warning: " in result.stderr
    assert "team/prod" in result.stderr


def test_a_task_that_invoke_would_not_run_again_is_refused(project: Project) -> None:
    project.write(".env.a", "ECR_REPOSITORY=team/a\n")
    project.write(".env.b", "ECR_REPOSITORY=team/b\n")
    result = project.inv("env", "a", "settings", "env", "b", "settings")
    assert result.code == 2
    assert "settings stands before and after env" in result.stderr


def test_a_refused_command_line_leaves_no_earlier_outputs(project: Project) -> None:
    project.write(".env.prod", "ECR_REPOSITORY=team/prod\n")
    earlier = project.write(".ecr-tasks/outputs.env", "IMAGE=old\n")
    assert project.inv("push", "env", "prod", "push").code == 2
    assert not earlier.exists()
