"""Push locks: two runs never build and push the image of one tag at the same time."""

from __future__ import annotations

import threading

import pytest

from ecr_tasks.clients.docker.push_lock import PushLocks

REFERENCE = "host/team/app:sha-a1b2c3d"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_turn_is_had_at_once_and_kept() -> None:
    locks = PushLocks()
    assert not locks.acquire(REFERENCE, pytest.fail)
    assert locks.has(REFERENCE)
    assert not locks.acquire(REFERENCE, pytest.fail)
    locks.release_all()
    assert not locks.has(REFERENCE)


def test_another_run_waits_and_is_told_so() -> None:
    first, second = PushLocks(), PushLocks()
    first.acquire(REFERENCE, pytest.fail)
    waits: list[str] = []
    is_waiting = threading.Event()
    had_to_wait: list[bool] = []

    def on_wait(reference: str) -> None:
        waits.append(reference)
        is_waiting.set()

    def acquire() -> None:
        had_to_wait.append(second.acquire(REFERENCE, on_wait))

    thread = threading.Thread(target=acquire)
    thread.start()
    assert is_waiting.wait(10)
    assert not second.has(REFERENCE)
    first.release(REFERENCE)
    thread.join(10)
    assert had_to_wait == [True]
    assert waits == [REFERENCE]
    assert second.has(REFERENCE)
    second.release_all()


def test_turns_at_other_tags_are_nobodys_business() -> None:
    first, second = PushLocks(), PushLocks()
    first.acquire(REFERENCE, pytest.fail)
    assert not second.acquire("host/team/app:sha-0000000", pytest.fail)
    first.release_all()
    second.release_all()
