"""The bake or compose files of a project: by setting, by name, or none; and where their paths count from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecr_tasks.errors import ExitCode, SettingsError
from ecr_tasks.source.definitions.files import DefinitionFiles, definition_files
from tests.support.build import settings


def found(project: Path, *names: str, **changes: object) -> tuple[list[str], str]:
    """Return the definition's files and its folder, relative to a project with these files."""
    for name in names:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    files = definition_files(settings(project=project, **changes), {})
    assert isinstance(files, DefinitionFiles)
    return [str(path.relative_to(project)) for path in files.paths], str(files.folder.relative_to(project))


def test_one_image_needs_no_bake_file(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").touch()
    assert definition_files(settings(project=tmp_path), {"COMPOSE_FILE": "compose.yaml"}) is None


def test_the_setting_wins(tmp_path: Path) -> None:
    (tmp_path / "docker-bake.hcl").touch()
    files = (tmp_path / "other.hcl", tmp_path / "more.json")
    assert found(tmp_path, bake_file=files, repository_prefix="team/") == (["other.hcl", "more.json"], ".")


@pytest.mark.parametrize(
    ("names", "read"),
    [
        (["compose.yaml", "docker-bake.hcl"], ["docker-bake.hcl"]),
        (["docker-bake.hcl", "docker-bake.json"], ["docker-bake.json", "docker-bake.hcl"]),
        (
            ["docker-bake.hcl", "docker-bake.override.hcl", "docker-bake.override.json", "compose.override.yaml"],
            ["docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl"],
        ),
        (["docker-compose.yml", "compose.yml", "compose.yaml"], ["compose.yaml"]),
        (["docker-compose.yaml", "docker-compose.yml"], ["docker-compose.yml"]),
        (["compose.yaml", "compose.override.yaml"], ["compose.yaml", "compose.override.yaml"]),
        (["compose.yaml", "docker-compose.override.yml"], ["compose.yaml", "docker-compose.override.yml"]),
        (["compose.yaml", "compose.override.yaml", "compose.override.yml"], ["compose.yaml", "compose.override.yml"]),
    ],
)
def test_with_a_prefix_the_files_are_those_that_docker_finds(
    tmp_path: Path, names: list[str], read: list[str]
) -> None:
    assert found(tmp_path, *names, repository_prefix="team/") == (read, ".")


@pytest.mark.parametrize(
    ("name", "override", "folder"),
    [
        ("deploy/compose.yaml", "deploy/compose.override.yaml", "deploy"),
        ("deploy/docker-bake.hcl", "deploy/docker-bake.override.hcl", "."),
    ],
)
def test_a_named_file_with_a_default_name_has_its_override(
    tmp_path: Path, name: str, override: str, folder: str
) -> None:
    """Compose counts paths from its first file's folder, bake from the working directory."""
    assert found(tmp_path, name, override, bake_file=(tmp_path / name,)) == ([name, override], folder)


def test_a_list_of_compose_files_is_complete(tmp_path: Path) -> None:
    files = (tmp_path / "compose.yaml", tmp_path / "compose.prod.yaml")
    names = ["compose.yaml", "compose.prod.yaml"]
    assert found(tmp_path, *names, "compose.override.yaml", bake_file=files) == (names, ".")


@pytest.mark.parametrize("variable", ["COMPOSE_FILE", "BUILDX_BAKE_FILE"])
def test_dockers_own_variables_name_the_files(tmp_path: Path, variable: str) -> None:
    variables = {variable: "deploy/a.yaml:b.yaml"}
    result = found(tmp_path, "compose.yaml", repository_prefix="team/", file_variables=variables)
    assert result == (["deploy/a.yaml", "b.yaml"], "deploy")


def test_with_a_prefix_there_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no bake or compose file") as caught:
        definition_files(settings(project=tmp_path, repository_prefix="team/"), {})
    assert caught.value.code == ExitCode.SETTINGS


@pytest.mark.parametrize("name", ["docker-bake.hcl", "compose.yaml", "compose.override.yaml"])
def test_a_pipe_of_a_default_name_is_named_and_not_waited_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "compose.yaml").touch()
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(SettingsError, match="it is a named pipe"):
        definition_files(settings(project=tmp_path, repository_prefix="team/"), {})


def test_a_file_of_the_other_kind_is_told_where_the_files_are_found_by_name(tmp_path: Path) -> None:
    def unread(**changes: object) -> list[str]:
        files = definition_files(settings(project=tmp_path, **changes), {})
        assert files is not None
        return [path.name for path in files.unread]

    (tmp_path / "docker-bake.hcl").touch()
    (tmp_path / "compose.yaml").write_text("services: {db: {image: builds}}", encoding="utf-8")
    assert unread(repository_prefix="team/") == []
    (tmp_path / "compose.yaml").write_text("services:\n  web:\n    build: .\n", encoding="utf-8")
    assert unread(repository_prefix="team/") == ["compose.yaml"]
    assert unread(bake_file=(tmp_path / "docker-bake.hcl",)) == []
    (tmp_path / "docker-bake.hcl").rename(tmp_path / "docker-bake.override.hcl")
    assert unread(repository_prefix="team/") == ["docker-bake.override.hcl"]
