"""A file in which nothing was found is opened again only after it may have changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ecr_tasks.checks import clean_files, sent_secrets
from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition
from tests.checks.test_secret_shapes import KEY
from tests.checks.test_sent_secrets import check, plant

OLD = time.time_ns() - 10**12


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that a search reads."""
    names: list[str] = []
    read = sent_secrets._read

    def spy(file: str | Path) -> bytes | None:
        if ".git" not in str(file):
            names.append(Path(file).name)
        return read(file)

    monkeypatch.setattr(sent_secrets, "_read", spy)
    return names


@pytest.fixture
def definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildDefinition:
    """Return a build of three files, whose times count as settled."""
    monkeypatch.setattr(clean_files, "_SETTLED_NS", -(10**12))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return plant(tmp_path, {"project/a.txt": "a", "project/b/c.txt": "c", "project/.env.example": "A=1\n"})


def memos(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_an_unchanged_context_is_not_read(definition: BuildDefinition, opened: list[str]) -> None:
    check(definition)
    assert {"a.txt", "c.txt", "Dockerfile", ".env.example"} <= set(opened)
    opened.clear()
    check(definition)
    assert opened == [".env.example"]  # dotenv files have rules of their own


def test_a_changed_file_alone_is_read(definition: BuildDefinition, opened: list[str], tmp_path: Path) -> None:
    check(definition)
    opened.clear()
    path = tmp_path / "project" / "a.txt"
    status = path.stat()
    path.write_text("b", encoding="utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # its size and time are as before
    check(definition)
    assert sorted(opened) == [".env.example", "a.txt"]


def test_a_key_that_is_moved_out_of_the_tests_is_found(definition: BuildDefinition, tmp_path: Path) -> None:
    """What counts as a sample is known by the folder's name, whose change changes no file."""
    folder = tmp_path / "project" / "tests"
    folder.mkdir()
    (folder / "id").write_text(KEY, encoding="utf-8")
    check(definition)
    folder.rename(tmp_path / "project" / "keys")
    with pytest.raises(Refused, match="keys/id holds"):
        check(definition)


def test_a_file_with_a_secret_is_never_remembered(definition: BuildDefinition, tmp_path: Path) -> None:
    (tmp_path / "project" / "id").write_text(KEY, encoding="utf-8")
    for _ in range(3):
        with pytest.raises(Refused, match="id holds"):
            check(definition)


def test_a_file_of_this_moment_is_read_again(
    definition: BuildDefinition, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may change once more within the same step of the file system's clock."""
    monkeypatch.setattr(clean_files, "_SETTLED_NS", 10**12)
    check(definition)
    opened.clear()
    check(definition)
    assert "a.txt" in opened


def test_other_rules_read_everything_again(
    definition: BuildDefinition, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(definition)
    opened.clear()
    monkeypatch.setattr(sent_secrets, "_rules", lambda: b"others")
    check(definition)
    assert "a.txt" in opened


def test_a_file_that_could_not_be_read_is_not_remembered(
    definition: BuildDefinition, opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project" / "id").write_text(KEY, encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(sent_secrets, "_read", lambda file: None)
        check(definition)
    with pytest.raises(Refused, match="id holds"):
        check(definition)


@pytest.mark.parametrize("content", [b"", b"x", os.urandom(1000), b"\0" * 16 * 1000])
def test_a_damaged_memo_counts_for_nothing(
    definition: BuildDefinition, opened: list[str], tmp_path: Path, content: bytes
) -> None:
    check(definition)
    for memo in memos(tmp_path):
        memo.write_bytes(content)
    opened.clear()
    check(definition)
    assert "a.txt" in opened
    opened.clear()
    check(definition)
    assert "a.txt" not in opened


@pytest.mark.parametrize("how", ["writable", "link", "pipe", "folder"])
def test_a_memo_that_others_could_have_written_counts_for_nothing(
    definition: BuildDefinition, opened: list[str], tmp_path: Path, how: str
) -> None:
    check(definition)
    for memo in memos(tmp_path):
        if how == "writable":
            memo.chmod(0o622)
            continue
        memo.rename(tmp_path / memo.name)
        if how == "link":
            memo.symlink_to(tmp_path / memo.name)
        elif how == "pipe":
            os.mkfifo(memo)
        else:
            memo.mkdir()
    opened.clear()
    check(definition)
    assert "a.txt" in opened


def test_a_memo_is_private_and_has_no_names(definition: BuildDefinition, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        check(definition)
    finally:
        os.umask(before)
    assert memos(tmp_path)
    for memo in memos(tmp_path):
        assert memo.stat().st_mode & 0o777 == 0o600
        assert b"a.txt" not in memo.read_bytes()


@pytest.mark.parametrize("how", ["missing", "file", "closed"])
def test_without_a_cache_folder_all_is_read(
    definition: BuildDefinition, opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    cache = tmp_path / "cache"
    if how == "missing":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "there"))
    elif how == "file":
        cache.write_text("", encoding="utf-8")
    else:
        cache.mkdir()
        (cache / "ecr-tasks").symlink_to(tmp_path / "conf")  # a link is not followed
    for _ in range(2):
        opened.clear()
        check(definition)
        assert "a.txt" in opened
    assert not (tmp_path / "not").exists()
    assert not list((tmp_path / "conf").iterdir())


def test_old_memos_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, definition: BuildDefinition) -> None:
    """What is no file stays where it is, and stops nothing."""
    monkeypatch.setattr(clean_files, "_MAX_TOTAL", 100)
    check(definition)
    folder = memos(tmp_path)[0].parent / "not-a-memo"
    folder.mkdir()
    os.utime(folder, (0, 0))
    for number in range(20):
        path = tmp_path / "project" / f"{number}"
        path.mkdir()
        (path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n", encoding="utf-8")
        check(BuildDefinition(str(path)))
        assert sum(memo.stat().st_size for memo in memos(tmp_path)) <= 100
    assert 1 <= len(memos(tmp_path)) <= 6
    assert folder.is_dir()


def test_a_context_that_shrinks_has_a_smaller_memo(definition: BuildDefinition, tmp_path: Path) -> None:
    check(definition)
    before = sum(memo.stat().st_size for memo in memos(tmp_path))
    (tmp_path / "project" / "a.txt").unlink()
    check(definition)
    assert sum(memo.stat().st_size for memo in memos(tmp_path)) == before - 16


def test_a_folder_that_goes_away_ends_no_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = plant(
        tmp_path, {"project/a/gone/x": "", "project/a/id": KEY, "project/z/id": KEY, "project/id": KEY}
    )
    scandir = os.scandir

    def scan(path: str) -> object:
        if str(path).endswith("/gone"):
            raise FileNotFoundError(2, "No such file", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    with pytest.raises(Refused) as caught:
        check(definition)
    assert all(f"{name} holds" in caught.value.cause for name in ("a/id", "z/id", "project/id"))
