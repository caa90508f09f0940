"""What `init` writes, and what it leaves alone."""

from __future__ import annotations

import itertools
import os
import stat
import subprocess
from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.load import load
from ecr_tasks.tasks.init import write_project_files as start

NAMES = {".env", "tasks.py", ".gitignore", ".dockerignore"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder with a name that is nearly a repository's."""
    folder = tmp_path / "My App_2"
    folder.mkdir()
    return folder


def lines(path: Path) -> list[str]:
    """A file's lines."""
    return path.read_text(encoding="utf-8").splitlines()


def test_an_empty_folder_gets_everything(project: Path) -> None:
    said = start(project)
    assert {path.name for path in project.iterdir()} == NAMES
    assert len(said) == len(NAMES)
    assert "from ecr_tasks import ns" in lines(project / "tasks.py")
    assert {".env", ".env.*", "!.env.example", ".ecr-tasks/"} <= set(lines(project / ".gitignore"))
    assert {".env", ".env.*", ".git"} <= set(lines(project / ".dockerignore"))


def test_the_settings_it_writes_are_understood(project: Path) -> None:
    start(project)
    assert load(project, environ={}).repository == "my-app-2"


@pytest.mark.parametrize("name", ["---", "Ünïcödé", "a", "x" * 200, "0.1", "team..app"])
def test_whatever_the_folder_is_called_the_repository_is_one(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    start(folder)
    assert load(folder, environ={}).repository


def test_only_the_user_can_read_the_settings(project: Path) -> None:
    before = os.umask(0)
    try:
        start(project)
    finally:
        os.umask(before)
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


def test_nothing_is_overwritten(project: Path) -> None:
    for name in NAMES:
        (project / name).write_bytes(b"mine\r\n")
    start(project)
    assert (project / ".env").read_bytes() == b"mine\r\n"
    assert (project / "tasks.py").read_bytes() == b"mine\r\n"
    for name in (".gitignore", ".dockerignore"):
        assert (project / name).read_bytes().startswith(b"mine\r\n")
        assert ".env" in lines(project / name)


def test_a_second_time_changes_nothing(project: Path) -> None:
    start(project)
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    start(project)
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before


@pytest.mark.parametrize(
    "old", [b"*.pyc", b"*.pyc\n", b"\n\n# mine\n.env\n", b"*.pyc\r\n.env\r\n", b"caf\xe9/\n", b""]
)
def test_ignore_files_keep_what_they_have_byte_for_byte(project: Path, old: bytes) -> None:
    for name in (".gitignore", ".dockerignore"):
        (project / name).write_bytes(old)
    start(project)
    for name in (".gitignore", ".dockerignore"):
        found = (project / name).read_bytes()
        assert found.startswith(old)
        kept = [line for line in old.replace(b"\r", b"").split(b"\n") if line]
        now = [line for line in found.replace(b"\r", b"").split(b"\n") if line]
        assert now[: len(kept)] == kept
        assert now.count(b".env") == 1


IGNORED = (".env", ".env.*", "!.env.example", ".ecr-tasks/")


@pytest.mark.parametrize("old", [chosen for size in (0, 1, 2) for chosen in itertools.permutations(IGNORED, size)])
def test_git_ignores_settings_and_shares_the_example_whatever_was_there(project: Path, old: tuple[str, ...]) -> None:
    (project / ".gitignore").write_text("".join(f"{line}\n" for line in old), encoding="utf-8")
    start(project)
    subprocess.run(["git", "init", "--quiet", "."], cwd=project, check=True)
    paths = (".env", ".env.prod", ".env.example", ".ecr-tasks/receipt.json", "app.py")
    said = subprocess.run(["git", "check-ignore", *paths], cwd=project, capture_output=True, text=True, check=False)
    ignored = set(said.stdout.split())
    if old[:2] != ("!.env.example", ".env.*"):  # there, the user's own order ignores the example
        assert ".env.example" not in ignored
    assert ignored - {".env.example"} == {".env", ".env.prod", ".ecr-tasks/receipt.json"}


def test_dry_says_it_and_writes_nothing(project: Path) -> None:
    (project / ".gitignore").write_text("*.pyc\n", encoding="utf-8")
    said = "\n".join(start(project, dry=True))
    assert {path.name for path in project.iterdir()} == {".gitignore"}
    assert lines(project / ".gitignore") == ["*.pyc"]
    assert "would" in said


def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\.env"):
        start(tmp_path / "nowhere")
