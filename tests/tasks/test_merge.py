"""Tests of `merge` on a command line."""

from __future__ import annotations

from ecr_tasks.model.manifest import SETTINGS
from ecr_tasks.plan.build_settings import SCHEMA
from tests.support.build import manifest
from tests.tasks.conftest import Project

ALL = "linux/amd64,linux/arm64"


def test_an_image_that_is_published_with_other_platforms_is_no_joined_one(project: Project) -> None:
    single = manifest("team/app as built", project.revision, {SETTINGS: SCHEMA})
    project.registry.put("team/app", single, f"sha-{project.revision[:7]}", "main")
    result = project.inv("merge", ECR_PLATFORMS=ALL)
    assert (result.code, result.stdout) == (6, "")
    assert "with other platforms" in result.stderr
    assert "--republish" in result.stderr


def test_an_image_that_is_published_with_other_settings_is_named_with_a_warning(project: Project) -> None:
    """A deployment behind a `--republish` that isn't joined yet would take the image before it in silence."""
    project.inv("build", ECR_PLATFORMS=ALL)
    settings = {SETTINGS: project.docker.inputs[0].definition.labels[SETTINGS]}
    first = manifest("first", project.revision, settings)
    project.registry.put("team/app", first, f"sha-{project.revision[:7]}", "main")
    assert "Warning" not in project.inv("merge", ECR_PLATFORMS=ALL).stderr
    result = project.inv("merge", ECR_PLATFORMS=ALL, ECR_BUILD_ARGS="A=1")
    assert (result.code, "was built with other build arguments than the settings" in result.stderr) == (0, True)


def test_an_image_that_is_published_with_these_platforms_is_named_again(project: Project) -> None:
    project.inv("build", "push", ECR_PLATFORMS=ALL)
    result = project.inv("merge", ECR_PLATFORMS=ALL)
    assert (result.code, result.stdout) == (0, f"{project.reference}\n")


def test_uncommitted_changes_are_no_source_of_parts(project: Project) -> None:
    project.write("Dockerfile", "FROM scratch\nLABEL changed=yes\n")
    error = project.inv("merge", ECR_PLATFORMS=ALL).failed(6)
    assert "team/app can't be joined: there are uncommitted changes, and its parts are of a commit." in error
    assert "--only" not in error
