"""The projects in examples/, each built and published as a user who copies it would do it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import docker
from tests.engine.project import Project
from tests.support.scripts import CHECKOUT

EXAMPLES = CHECKOUT / "examples"


def example(name: str, folder: Path, environ: dict[str, str], base: str) -> Project:
    """Copy an example, with the local base image in place of the public one, and make a commit of it."""
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".ecr-tasks", "__pycache__"))
    project = Project(folder, {**environ, "ECR_BUILD_ARGS": f"BASE={base}"}, name="")
    project.git("init", "--quiet", "--initial-branch=main")
    project.commit("first")
    return project


@pytest.fixture
def environ(engine: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return engine | {"XDG_DATA_HOME": str(tmp_path / "data")}


@pytest.fixture
def published(
    request: pytest.FixtureRequest, tmp_path: Path, environ: dict[str, str], debian_base: str
) -> Iterator[Project]:
    """Publish the example that the test names to a local ECR of its own, which stops after the test."""
    project = example(request.param, tmp_path / request.param, environ, debian_base)
    project.ok("local", "build", "push")
    yield project
    project.inv("local.down")


def repositories(project: Project) -> set[str]:
    return {entry["repository"] for image in project.receipt["images"] for entry in image["published"]}


def run(project: Project, name: str, *command: str) -> str:
    """Run the published image of a repository and return what it prints."""
    (reference,) = (
        entry["reference"]
        for image in project.receipt["images"]
        for entry in image["published"]
        if entry["repository"] == name
    )
    return docker(project.environ, "run", "--rm", reference, *command).stdout


@pytest.mark.parametrize("published", ["service"], indirect=True)
def test_the_service_is_one_image(published: Project) -> None:
    assert repositories(published) == {"example"}
    assert published.receipt["images"][0]["source"]["dirty"] is False


@pytest.mark.parametrize("published", ["monorepo"], indirect=True)
def test_the_monorepo_publishes_what_stands_on_its_base_and_not_the_base(published: Project) -> None:
    assert repositories(published) == {"example/api", "example/worker"}
    counted = run(published, "example/worker", "python3", "-c", "from shared.words import count; print(count('a A'))")
    assert counted == "{'a': 2}\n", "the base is in the image"


@pytest.mark.parametrize("published", ["compose"], indirect=True)
def test_the_compose_project_publishes_the_services_that_it_builds(published: Project) -> None:
    assert repositories(published) == {"example/web", "example/report"}
    assert "Published with ecr-tasks" in run(published, "example/web", "cat", "/srv/index.html")
