"""Tests of the files that `init` writes, and of those that it keeps."""

from __future__ import annotations

import itertools
import os
import stat
import subprocess
from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.load import load
from ecr_tasks.tasks.init import write_project_files

FILE_NAMES = {".env", "tasks.py", ".gitignore", ".dockerignore"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return an empty folder with a name that is not valid for a repository."""
    folder = tmp_path / "My App_2"
    folder.mkdir()
    return folder


def lines(path: Path) -> list[str]:
    """Return the lines of a file."""
    return path.read_text(encoding="utf-8").splitlines()


def test_an_empty_folder_gets_all_files(project: Path) -> None:
    messages = write_project_files(project)
    assert {path.name for path in project.iterdir()} == FILE_NAMES
    assert len(messages) == len(FILE_NAMES)
    assert "from ecr_tasks import ns" in lines(project / "tasks.py")
    assert {".env", ".env.*", "!.env.example", ".ecr-tasks/"} <= set(lines(project / ".gitignore"))
    assert {".env", ".env.*", ".git"} <= set(lines(project / ".dockerignore"))


def test_the_written_settings_can_be_loaded(project: Path) -> None:
    write_project_files(project)
    assert load(project, environ={}).repository == "my-app-2"


@pytest.mark.parametrize("name", ["---", "Ünïcödé", "a", "x" * 200, "0.1", "team..app"])
def test_any_folder_name_gives_a_valid_repository_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    write_project_files(folder)
    assert load(folder, environ={}).repository


def test_only_the_user_can_read_the_settings(project: Path) -> None:
    before = os.umask(0)
    try:
        write_project_files(project)
    finally:
        os.umask(before)
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


def test_nothing_is_overwritten(project: Path) -> None:
    for name in FILE_NAMES:
        (project / name).write_bytes(b"mine\r\n")
    write_project_files(project)
    assert (project / ".env").read_bytes() == b"mine\r\n"
    assert (project / "tasks.py").read_bytes() == b"mine\r\n"
    for name in (".gitignore", ".dockerignore"):
        assert (project / name).read_bytes().startswith(b"mine\r\n")
        assert ".env" in lines(project / name)


def test_a_second_run_changes_nothing(project: Path) -> None:
    write_project_files(project)
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    write_project_files(project)
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before


@pytest.mark.parametrize(
    "existing", [b"*.pyc", b"*.pyc\n", b"\n\n# mine\n.env\n", b"*.pyc\r\n.env\r\n", b"caf\xe9/\n", b""]
)
def test_ignore_files_keep_their_bytes_and_get_missing_lines(project: Path, existing: bytes) -> None:
    for name in (".gitignore", ".dockerignore"):
        (project / name).write_bytes(existing)
    write_project_files(project)
    for name in (".gitignore", ".dockerignore"):
        content = (project / name).read_bytes()
        assert content.startswith(existing)
        existing_lines = [line for line in existing.replace(b"\r", b"").split(b"\n") if line]
        new_lines = [line for line in content.replace(b"\r", b"").split(b"\n") if line]
        assert new_lines[: len(existing_lines)] == existing_lines
        assert new_lines.count(b".env") == 1


IGNORE_LINES = (".env", ".env.*", "!.env.example", ".ecr-tasks/")


@pytest.mark.parametrize(
    "existing", [lines_ for size in (0, 1, 2) for lines_ in itertools.permutations(IGNORE_LINES, size)]
)
def test_git_ignores_settings_and_not_the_example_with_any_existing_lines(
    project: Path, existing: tuple[str, ...]
) -> None:
    (project / ".gitignore").write_text("".join(f"{line}\n" for line in existing), encoding="utf-8")
    write_project_files(project)
    subprocess.run(["git", "init", "--quiet", "."], cwd=project, check=True)
    paths = (".env", ".env.prod", ".env.example", ".ecr-tasks/receipt.json", "app.py")
    result = subprocess.run(["git", "check-ignore", *paths], cwd=project, capture_output=True, text=True, check=False)
    ignored = set(result.stdout.split())
    if existing[:2] != ("!.env.example", ".env.*"):  # there, the user's own order ignores the example
        assert ".env.example" not in ignored
    assert ignored - {".env.example"} == {".env", ".env.prod", ".ecr-tasks/receipt.json"}


def test_a_dry_run_prints_the_changes_and_writes_nothing(project: Path) -> None:
    (project / ".gitignore").write_text("*.pyc\n", encoding="utf-8")
    messages = "\n".join(write_project_files(project, dry=True))
    assert {path.name for path in project.iterdir()} == {".gitignore"}
    assert lines(project / ".gitignore") == ["*.pyc"]
    assert "would" in messages


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\.env"):
        write_project_files(tmp_path / "nowhere")
