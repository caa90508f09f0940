"""Which dotenv files are read where the project's .env may belong to its application."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.settings.errors import SettingsProblems
from tests.support.dotenv_project import Project


def names(project: Project, env: str | None = None, **environ: str) -> list[str]:
    """Return the names of the files that are read."""
    return [path.name for path in project.load(environ, env=env).files]


@pytest.fixture
def project(project: Project) -> Project:
    """Return a project with files for two environments, of its own and of an application."""
    for name in (".env", ".env.prod", ".env.ecr", ".env.ecr.prod", "deploy.env", "deploy.env.prod"):
        project.write(f"ECR_TARGET={name}\nSEEN=1\n", name)
    return project


def test_a_file_of_our_own_name_is_read_in_place_of_env(project: Project) -> None:
    assert names(project) == [".env.ecr"]
    assert names(project, "prod") == [".env.ecr", ".env.ecr.prod"]
    (project.path / ".env.ecr").unlink()
    assert names(project, "prod") == [".env.ecr.prod"]
    assert names(project) == [".env"]
    (project.path / ".env.ecr.prod").unlink()
    assert names(project, "prod") == [".env", ".env.prod"]


def test_the_file_of_the_environment_is_read_in_place_of_all_others(project: Project) -> None:
    assert names(project, ECR_ENV_FILE="deploy.env") == ["deploy.env"]
    assert names(project, "prod", ECR_ENV_FILE="deploy.env") == ["deploy.env", "deploy.env.prod"]
    assert names(project, ECR_ENV_FILE=str(project.path / "deploy.env")) == ["deploy.env"]
    assert names(project, ECR_ENV_FILE="/dev/null") == ["null"]
    assert names(project, ECR_ENV_FILE="") == [".env.ecr"]


def test_the_configuration_can_name_the_file_and_the_environment_counts_more(project: Project) -> None:
    config = {"env_file": "deploy.env"}
    assert project.load(config=config).target == "deploy.env"
    assert project.load({"ECR_ENV_FILE": ".env"}, config=config).target == ".env"


def test_variables_of_an_env_that_is_not_read_reach_no_build(project: Project) -> None:
    project.write("APPLICATION=1\n")
    assert "APPLICATION" not in project.load().file_variables


def test_a_named_file_that_is_missing_is_named(project: Project) -> None:
    problem = project.problem({"ECR_ENV_FILE": "gone.env"})
    assert problem.startswith("Environment variable ECR_ENV_FILE names a file that isn't there: ")


def test_the_file_cannot_be_chosen_in_a_file(project: Project) -> None:
    project.write("ECR_ENV_FILE=deploy.env\n", ".env.ecr")
    assert project.problem().startswith(".env.ecr:1: ECR_ENV_FILE chooses the dotenv file, so it can't stand in one")


@pytest.mark.parametrize(
    ("env", "hint"),
    [
        ("ecr", ".env.ecr is read without being chosen"),
        ("test", "there are: prod; .env.test is not read where .env.ecr is"),
        ("stage", "there are: prod"),
    ],
)
def test_an_environment_without_a_file_says_which_there_are(project: Project, env: str, hint: str) -> None:
    project.write("", ".env.test")
    (problem,) = project.problems(env=env)
    assert problem == f"There is no .env.ecr.{env} in {project.path} ({hint})."


@pytest.mark.parametrize("name", [".env", ".env.ecr"])
def test_a_folder_in_the_place_of_the_file_is_to_be_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(SettingsProblems) as error:
        Project(tmp_path).load()
    assert error.value.cause == f"{name}: can't be read: it is a folder and not a file."
    assert error.value.remedy.startswith("Remove or rename it")


def test_files_of_other_environments_are_guarded_too(project: Project) -> None:
    settings = project.load({"ECR_ENV_FILE": "deploy.env"})
    assert settings.other_env_files == (project.path / "deploy.env.prod",)
