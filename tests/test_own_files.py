"""The files for later steps: others can't write them, no link leads elsewhere, and none is ever half written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_tasks.own_files import cache_folder, ignore_in_git, remove_file, replace_file


@pytest.fixture(params=[0, 0o002, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set a umask for the test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_others_can_never_write_and_read_as_the_umask_says(tmp_path: Path, umask: int) -> None:
    path = tmp_path / ".ecr-tasks" / "repositories" / "app" / "outputs.env"
    replace_file(path, b"IMAGE=x\n", tmp_path)
    assert mode(path) == 0o644 & ~umask
    for folder in (tmp_path / ".ecr-tasks", path.parent):
        assert mode(folder) == 0o755 & ~umask


def test_a_file_and_a_folder_that_others_could_write_are_mended(tmp_path: Path) -> None:
    folder = tmp_path / ".ecr-tasks"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "outputs.env").touch()
    (folder / "outputs.env").chmod(0o666)
    replace_file(folder / "outputs.env", b"x", tmp_path)
    assert (mode(folder), mode(folder / "outputs.env")) == (0o755, 0o644)


def test_a_link_in_a_files_place_is_replaced_and_what_it_names_stays(tmp_path: Path) -> None:
    target = tmp_path / "profile"
    target.write_text("mine\n", encoding="utf-8")
    folder = tmp_path / ".ecr-tasks"
    folder.mkdir()
    for name in ("outputs.env", ".gitignore"):
        (folder / name).symlink_to(target)
    replace_file(folder / "outputs.env", b"IMAGE=x\n", tmp_path)
    ignore_in_git(folder, tmp_path)
    assert target.read_text(encoding="utf-8") == "mine\n"
    assert not (folder / "outputs.env").is_symlink()
    remove_file(folder / "outputs.env", tmp_path)
    (folder / "outputs.env").symlink_to(target)
    remove_file(folder / "outputs.env", tmp_path)
    assert target.read_text(encoding="utf-8") == "mine\n"
    assert not (folder / "outputs.env").is_symlink()


@pytest.mark.parametrize("name", [".ecr-tasks", ".ecr-tasks/repositories"])
def test_a_link_in_a_folders_place_is_refused(tmp_path: Path, name: str) -> None:
    elsewhere, project = tmp_path / "elsewhere", tmp_path / "project"
    (elsewhere / "app").mkdir(parents=True)
    (elsewhere / "app" / "outputs.env").write_text("mine\n", encoding="utf-8")
    (project / name).parent.mkdir(parents=True)
    (project / name).symlink_to(elsewhere, target_is_directory=True)
    path = project / name / "app" / "outputs.env"
    with pytest.raises(OSError, match="link, which is not followed"):
        replace_file(path, b"IMAGE=x\n", project)
    with pytest.raises(OSError, match="link, which is not followed"):
        remove_file(path, project)
    assert (elsewhere / "app" / "outputs.env").read_text(encoding="utf-8") == "mine\n"
    assert sorted(path.name for path in elsewhere.iterdir()) == ["app"]


def test_a_project_that_is_reached_by_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "project", target_is_directory=True)
    replace_file(link / ".ecr-tasks" / "outputs.env", b"IMAGE=x\n", link)
    assert (tmp_path / "project" / ".ecr-tasks" / "outputs.env").read_bytes() == b"IMAGE=x\n"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".ecr-tasks" / "outputs.env"
    replace_file(path, b"old", tmp_path)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new", tmp_path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in path.parent.iterdir()] == ["outputs.env"]


def test_a_missing_file_needs_no_removal(tmp_path: Path) -> None:
    remove_file(tmp_path / ".ecr-tasks" / "outputs.env", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    """Not what a running one is just writing."""
    old, fresh = (tmp_path / f".outputs.env.{number}-0123abcd" for number in (1, 2))
    for path in (old, fresh):
        path.touch()
    os.utime(old, (0, 0))
    replace_file(tmp_path / "outputs.env", b"A=1\n", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {fresh.name, "outputs.env"}


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CACHE_HOME": "{}/c", "HOME": "{}/h"}, "c"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "{}/h"}, "h/.cache"),
        ({"HOME": "{}/h"}, "h/.cache"),
        ({"XDG_CACHE_HOME": "{}/not/there", "HOME": "{}/h"}, None),
        ({}, None),
    ],
)
def test_the_folder_for_caches_is_the_users(tmp_path: Path, environ: dict[str, str], folder: str | None) -> None:
    (tmp_path / "h").mkdir()
    found = cache_folder({name: text.format(tmp_path) for name, text in environ.items()})
    assert found == (tmp_path / folder if folder else None)
    assert found is None or found.is_dir()


def test_another_users_folder_for_caches_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path / "cache")}) is None
    assert cache_folder({"HOME": str(tmp_path)}) is None
