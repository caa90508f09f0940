"""Push locks: two runs never build and push the image of one tag at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks.clients.docker.own_folder import own_folder
from ecr_tasks.clients.docker.push_lock import PushLocks
from ecr_tasks.errors import BuildError

REFERENCE = "host/team/app:sha-a1b2c3d"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_turn_is_had_at_once_and_kept(tmp_path: Path) -> None:
    locks = PushLocks()
    assert not locks.acquire(REFERENCE, pytest.fail, 1)
    assert locks.has(REFERENCE)
    assert not locks.acquire(REFERENCE, pytest.fail, 1)
    locks.release_all()
    assert not locks.has(REFERENCE)
    assert list(tmp_path.iterdir()) == []


def test_another_run_waits_and_is_told_so() -> None:
    first, second = PushLocks(), PushLocks()
    first.acquire(REFERENCE, pytest.fail, 1)
    waits: list[str] = []
    is_waiting = threading.Event()
    had_to_wait: list[bool] = []

    def on_wait(line: str) -> None:
        waits.append(line)
        is_waiting.set()

    def acquire() -> None:
        had_to_wait.append(second.acquire(REFERENCE, on_wait, 1))

    thread = threading.Thread(target=acquire)
    thread.start()
    assert is_waiting.wait(10)
    assert not second.has(REFERENCE)
    first.release(REFERENCE)
    thread.join(10)
    assert had_to_wait == [True]
    assert waits == [f"waiting: another run publishes {REFERENCE} (process {os.getpid()}; 1 minutes at most)"]
    assert second.has(REFERENCE)
    second.release_all()


def test_turns_at_other_tags_are_nobodys_business() -> None:
    first, second = PushLocks(), PushLocks()
    first.acquire(REFERENCE, pytest.fail, 1)
    assert not second.acquire("host/team/app:sha-0000000", pytest.fail, 1)
    first.release_all()
    second.release_all()


def test_a_wait_says_for_whom_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += 10

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: now)
    first, second = PushLocks(), PushLocks()
    first.acquire(REFERENCE, pytest.fail, 1)
    lines: list[str] = []
    with pytest.raises(BuildError) as caught:
        second.acquire(REFERENCE, lines.append, 4)
    first.release_all()
    assert lines[0].startswith("waiting: ")
    assert lines[1:] == [
        f"still waiting, after {minutes} min: process {os.getpid()} publishes {REFERENCE}" for minutes in (1, 2, 3)
    ]
    assert f"process {os.getpid()}" in caught.value.cause
    assert "ECR_LOCK_MINUTES" in caught.value.remedy


def test_another_user_can_t_take_the_lock_s_place(tmp_path: Path) -> None:
    """A link, a pipe or a file of the folder's name is another's; it isn't followed, opened or waited for."""
    target = tmp_path / "target"
    usual = own_folder(tmp_path)
    usual.rmdir()
    takes: list[Callable[[], object]] = [
        lambda: usual.symlink_to(target),
        lambda: os.mkfifo(usual),
        usual.touch,
        lambda: _public(usual),
    ]
    for take in takes:
        take()
        first, second = PushLocks(), PushLocks()
        assert not first.acquire(REFERENCE, pytest.fail, 1)
        with pytest.raises(BuildError):
            second.acquire(REFERENCE, lambda line: None, 0)
        first.release_all()
        assert not target.exists()
        if usual.is_dir():
            usual.rmdir()
        else:
            usual.unlink()


def test_a_lock_in_a_folder_that_another_run_found_counts(tmp_path: Path) -> None:
    """While somebody else has the usual name, two runs at once may each make a folder of a random one."""
    usual = own_folder(tmp_path)
    first, second = PushLocks(), PushLocks()
    first.acquire(REFERENCE, pytest.fail, 1)
    usual.rename(tmp_path / f"{usual.name}-zzzzzzzz")
    usual.touch()
    (tmp_path / f"{usual.name}-aaaaaaaa").mkdir(0o700)
    with pytest.raises(BuildError):
        second.acquire(REFERENCE, lambda line: None, 0)
    assert not second.has(REFERENCE)
    usual.unlink()
    (tmp_path / f"{usual.name}-zzzzzzzz").rename(usual)
    first.release_all()
    assert not second.acquire(REFERENCE, pytest.fail, 0)
    second.release_all()


def test_the_owner_of_a_lock_is_named_as_it_can_be_found(tmp_path: Path) -> None:
    """A container has a numbering of its own: on the host, its process id would be a stranger's."""
    first, second = PushLocks(), PushLocks()
    first.acquire(REFERENCE, pytest.fail, 1)
    (lock,) = own_folder(tmp_path).iterdir()
    for text, owner in {"7 pid:[1]": "process 7 of another container", "": "an unknown process"}.items():
        lock.write_text(text, encoding="ascii")
        with pytest.raises(BuildError) as caught:
            second.acquire(REFERENCE, lambda line: None, 0)
        assert f"({owner})" in caught.value.cause
    first.release_all()


def _public(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
