"""Turns: two runs never build and publish under one tag at the same time."""

from __future__ import annotations

import threading

import pytest

from ecr_tasks.clients.docker.push_lock import Turns

REFERENCE = "host/team/app:sha-a1b2c3d"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_turn_is_had_at_once_and_kept() -> None:
    turns = Turns()
    assert not turns.take(REFERENCE, pytest.fail)
    assert turns.has(REFERENCE)
    assert not turns.take(REFERENCE, pytest.fail)
    turns.close()
    assert not turns.has(REFERENCE)


def test_another_run_waits_and_is_told_so() -> None:
    first, second = Turns(), Turns()
    first.take(REFERENCE, pytest.fail)
    told: list[str] = []
    waits = threading.Event()
    had_to_wait: list[bool] = []

    def waiting(reference: str) -> None:
        told.append(reference)
        waits.set()

    def wait() -> None:
        had_to_wait.append(second.take(REFERENCE, waiting))

    thread = threading.Thread(target=wait)
    thread.start()
    assert waits.wait(10)
    assert not second.has(REFERENCE)
    first.end(REFERENCE)
    thread.join(10)
    assert had_to_wait == [True]
    assert told == [REFERENCE]
    assert second.has(REFERENCE)
    second.close()


def test_turns_at_other_tags_are_nobodys_business() -> None:
    first, second = Turns(), Turns()
    first.take(REFERENCE, pytest.fail)
    assert not second.take("host/team/app:sha-0000000", pytest.fail)
    first.close()
    second.close()
