"""Tests of the check that what a build is told to use is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.checks.build_files import check_build_files
from ecr_tasks.errors import BuildError, SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.load import load


def problem(project: Path, definition: BuildDefinition, **environ: str) -> str:
    """Return the error of the check, or an empty text."""
    try:
        check_build_files("web", [definition], load(project, environ=environ), environ)
    except (BuildError, SettingsError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["Dockerfile", "dockerfile"])
def test_a_dockerfile_in_upper_or_lower_case_is_there(tmp_path: Path, name: str) -> None:
    assert "no Dockerfile at" in problem(tmp_path, BuildDefinition(str(tmp_path)))
    (tmp_path / name).touch()
    for dockerfile in (None, "Dockerfile", str(tmp_path / "Dockerfile")):
        assert problem(tmp_path, BuildDefinition(str(tmp_path), dockerfile)) == ""


def test_only_the_default_name_has_a_lower_case_form(tmp_path: Path) -> None:
    (tmp_path / "web.dockerfile").touch()
    message = problem(tmp_path, BuildDefinition(str(tmp_path), "web.Dockerfile"), ECR_DOCKERFILE="web.Dockerfile")
    assert "web.Dockerfile (ECR_DOCKERFILE: environment variable ECR_DOCKERFILE)" in message


@pytest.mark.parametrize(
    "other", ["Containerfile", "DockerFile", "app.Dockerfile", "Dockerfile.prod", "../Dockerfile"]
)
def test_a_file_that_may_be_meant_is_named(tmp_path: Path, other: str) -> None:
    project = tmp_path / "project"
    (project / "web").mkdir(parents=True)
    (project / "web" / other).touch()
    (project / "web" / "Dockerfile.dockerignore").touch()
    message = problem(project, BuildDefinition(str(project / "web")), ECR_CONTEXT="web")
    assert message.endswith(
        f"Set ECR_DOCKERFILE to {Path('web', other) if other[0] != '.' else 'Dockerfile'} if that is the one."
    )


def test_a_definition_that_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "docker-bake.hcl").touch()
    message = problem(tmp_path, BuildDefinition(str(tmp_path)))
    assert message.endswith("Set ECR_BAKE_FILE to docker-bake.hcl if that says how the image is built.")


def test_a_context_must_be_a_folder(tmp_path: Path) -> None:
    definition = BuildDefinition(str(tmp_path / "web"))
    assert "context" in problem(tmp_path, definition, ECR_CONTEXT="web")
    assert "is missing (ECR_CONTEXT: environment variable ECR_CONTEXT)" in problem(
        tmp_path, definition, ECR_CONTEXT="web"
    )
    (tmp_path / "web").touch()
    assert "is not a folder" in problem(tmp_path, definition, ECR_CONTEXT="web")


def test_a_named_context_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    definition = BuildDefinition(str(tmp_path), contexts={"shared": "../shared"})
    message = problem(tmp_path, definition, ECR_BUILD_CONTEXTS="shared=../shared")
    assert "The named context shared, " in message
    assert "ECR_BUILD_CONTEXTS: environment variable" in message


@pytest.mark.parametrize(
    "fields",
    [
        {"context": "https://example.com/app.git"},
        {"context": "git@example.com:app.git"},
        {"extra": {"dockerfile-inline": "FROM scratch"}},
        {"dockerfile": "https://example.com/Dockerfile"},
        {
            "extra": {"dockerfile-inline": "FROM a"},
            "contexts": {"a": "docker-image://a", "b": "target:b", "c": "git@h:c"},
        },
    ],
)
def test_what_docker_fetches_itself_is_not_looked_for(tmp_path: Path, fields: dict[str, Any]) -> None:
    assert problem(tmp_path, BuildDefinition(**{"context": str(tmp_path), **fields})) == ""


def test_an_image_of_a_bake_file_is_named(tmp_path: Path) -> None:
    message = problem(tmp_path, BuildDefinition(str(tmp_path / "nowhere")), ECR_REPOSITORY_PREFIX="team/")
    assert "(the image web)" in message


@pytest.mark.parametrize(
    ("dockerfile", "target", "missing"),
    [
        ("FROM scratch AS Base\nFROM base AS run\n", "run", False),
        ("FROM scratch AS Base\nFROM base AS run\n", "BASE", False),
        ("FROM scratch AS Base\nFROM base AS run\n", "rum", True),
        ("FROM scratch\n", "0", True),
        ("# syntax=docker/dockerfile:1\nFROM scratch AS a\n", "b", True),
        ("# syntax=example/other:1\nanything\n", "b", False),
        ("# syntax=devthefuture/dockerfile-x\nINCLUDE base\nFROM scratch AS a\n", "b", False),
        ('FROM scratch AS a\nRUN cat <<"E\\F"\nE\\F\nFROM scratch AS b\n', "b", False),
        ("FROM scratch AS a\n", None, False),
        ("FROM scratch AS a\n", "", False),
    ],
)
def test_a_target_must_be_a_stage_of_the_dockerfile(
    tmp_path: Path, dockerfile: str, target: str | None, missing: bool
) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    message = problem(tmp_path, BuildDefinition(str(tmp_path), target=target), ECR_TARGET=target or "")
    assert (f"has no stage {target} (environment variable ECR_TARGET)" in message) is missing
    inline = BuildDefinition(str(tmp_path), target=target, extra={"dockerfile-inline": dockerfile})
    assert bool(problem(tmp_path, inline)) is missing


def test_an_ssh_entry_without_a_path_needs_an_agent(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    agent, key = BuildDefinition(str(tmp_path), ssh=("default",)), BuildDefinition(str(tmp_path), ssh=("a=key",))
    assert "SSH_AUTH_SOCK is not set" in problem(tmp_path, agent)
    assert problem(tmp_path, agent, SSH_AUTH_SOCK="/run/agent") == ""
    assert problem(tmp_path, key) == ""
    (tmp_path / ".env").write_text("SSH_AUTH_SOCK=/run/agent\n", encoding="utf-8")
    assert problem(tmp_path, agent) == ""


def test_a_secret_of_a_variable_needs_no_file(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    secret = "id=npm,type={},src=NPM_TOKEN"
    assert problem(tmp_path, BuildDefinition(str(tmp_path), secrets=(secret.format("env"),))) == ""
    assert "no file NPM_TOKEN" in problem(tmp_path, BuildDefinition(str(tmp_path), secrets=(secret.format("file"),)))


def test_a_pipe_in_a_file_s_place_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "Dockerfile")
    assert "Dockerfile can't be read: it is a named pipe" in problem(tmp_path, BuildDefinition(str(tmp_path)))
    (tmp_path / "Dockerfile").unlink()
    (tmp_path / "Dockerfile").touch()
    os.mkfifo(tmp_path / "pipe")
    secret = BuildDefinition(str(tmp_path), secrets=("id=a,src=pipe",))
    assert "secret can't be read: it is a named pipe" in problem(tmp_path, secret)
    key = BuildDefinition(str(tmp_path), ssh=("default=pipe",))
    assert "ssh can't be read: it is a named pipe" in problem(tmp_path, key, SSH_AUTH_SOCK="/agent")


@pytest.mark.parametrize(
    ("others", "remedy"),
    [
        ((), "Remove or rename what is in its place and create it, or set ECR_DOCKERFILE to where it is."),
        (("Dockerfile/Dockerfile",), "Set ECR_DOCKERFILE to Dockerfile/Dockerfile if that is the one."),
        (("Containerfile",), "Set ECR_DOCKERFILE to Containerfile if that is the one."),
    ],
)
def test_a_folder_in_the_place_of_the_dockerfile_gets_a_remedy(
    tmp_path: Path, others: tuple[str, ...], remedy: str
) -> None:
    (tmp_path / "Dockerfile").mkdir()
    for name in others:
        (tmp_path / name).write_text("FROM scratch\n")
    settings = load(tmp_path, environ={})
    with pytest.raises(SettingsError) as error:
        check_build_files("app", [BuildDefinition(str(tmp_path))], settings, {})
    assert "it is a folder and not a file" in error.value.cause
    assert error.value.remedy == remedy
