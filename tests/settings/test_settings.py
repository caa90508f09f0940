"""The paths of the context and the Dockerfile, and the errors when they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.load import load
from tests.support.dotenv_project import Project


def test_a_context_is_the_projects_and_not_the_working_directorys(project: Project) -> None:
    assert project.load({"ECR_CONTEXT": "../other"}).context == str(project.path.parent / "other")
    assert project.load({"ECR_CONTEXT": "/srv/app"}).context == "/srv/app"


def test_a_context_behind_a_link_still_lies_around_the_projects_files(project: Project) -> None:
    project.write("ECR_TARGET=run")
    link = project.path / "link"
    link.symlink_to(".")
    settings = load(link, environ={})
    assert settings.files[0].is_relative_to(settings.context)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/org/app.git#main:docker",
        "git@github.com:org/app.git",
        "ssh://git@host/app",
        "github.com/org/app",
    ],
)
def test_a_remote_context_stays_as_written(project: Project, url: str) -> None:
    settings = project.load({"ECR_CONTEXT": url})
    assert settings.context == url
    assert settings.context_is_remote
    assert settings.dockerfile_path() is None


@pytest.mark.parametrize(
    ("place", "folder"), [("cwd://app", "app"), ("cwd://", "."), ("v1:data", "v1:data"), ("git@data", "git@data")]
)
def test_a_context_that_docker_does_not_fetch_is_a_folder(project: Project, place: str, folder: str) -> None:
    settings = project.load({"ECR_CONTEXT": place})
    assert not settings.context_is_remote
    assert Path(settings.context) == project.path / folder


@pytest.mark.parametrize("name", ["github.com/d/Dockerfile", "a@b:x", "git@x"])
def test_a_dockerfile_is_local_whatever_its_name_looks_like(project: Project, name: str) -> None:
    """As buildx has it, which fetches one from an http(s) address only."""
    assert project.load({"ECR_DOCKERFILE": name}).dockerfile_path() == project.path / name
    assert project.load({"ECR_DOCKERFILE": f"https://{name}"}).dockerfile_path() is None


def test_the_default_dockerfile_is_the_contexts(project: Project) -> None:
    project.write("", "Dockerfile")
    project.write("", "app/Dockerfile")
    assert project.load({"ECR_CONTEXT": "app"}).dockerfile_path() == project.path / "app/Dockerfile"


@pytest.mark.parametrize("name", ["docker/web.Dockerfile", "Dockerfile"])
def test_a_named_dockerfile_is_the_projects_if_it_is_there_and_else_the_contexts(project: Project, name: str) -> None:
    environ = {"ECR_CONTEXT": "app", "ECR_DOCKERFILE": name}
    project.write("", f"app/{name}")
    settings = project.load(environ)
    assert settings.dockerfile_path() == project.path / "app" / name
    project.write("", name)
    assert settings.dockerfile_path() == project.path / name


def test_a_named_dockerfile_beside_the_settings_is_used_with_a_context_above(project: Project) -> None:
    project.write("", "Dockerfile")
    settings = project.load({"ECR_CONTEXT": "..", "ECR_DOCKERFILE": "Dockerfile"})
    assert settings.dockerfile_path() == project.path / "Dockerfile"


def test_a_missing_repository_matters_only_where_one_is_needed(project: Project) -> None:
    with pytest.raises(SettingsError, match="Set ECR_REPOSITORY"):
        project.load().require_repository()
    assert project.load({"ECR_REPOSITORY": "app"}).require_repository() == "app"
