"""Locks between processes: one holder at a time, and none that outlives its process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecr_tasks.clients.docker.file_lock import hold

HOLDER = """
import sys
from pathlib import Path
from ecr_tasks.clients.docker.file_lock import hold
held = hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
held.release()
print("released", flush=True)
sys.stdin.readline()
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until it is told to let go."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def says(process: subprocess.Popen[str]) -> str:
    """The next line of the other process."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    """Tells the other process to release its lock."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_lock_that_another_process_holds_is_not_to_be_had(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with another_process(path) as other:
        assert says(other) == "held"
        assert hold(path, wait=False) is None
        let_go(other)
        assert says(other) == "released"
        held = hold(path, wait=False)
        assert held is not None
        held.release()


def test_waiting_ends_when_the_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    got = threading.Event()

    def wait() -> None:
        held = hold(path)
        got.set()
        if held is not None:
            held.release()

    with another_process(path) as other:
        assert says(other) == "held"
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.wait(0.2)
        let_go(other)
        assert got.wait(10)
        waiting.join()


def test_the_kernel_frees_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with another_process(path) as other:
        assert says(other) == "held"
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert path.exists()
        held = hold(path, wait=False)
        assert held is not None
        held.release()


def test_letting_go_removes_the_file_and_may_be_done_twice(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = hold(path)
    assert held is not None
    assert path.exists()
    held.release()
    held.release()
    assert not path.exists()


def test_two_files_are_two_locks(tmp_path: Path) -> None:
    with another_process(tmp_path / "one") as other:
        assert says(other) == "held"
        held = hold(tmp_path / "two", wait=False)
        assert held is not None
        held.release()


COUNTER = """
import sys
from pathlib import Path
from ecr_tasks.clients.docker.file_lock import hold
for _ in range(50):
    with hold(Path(sys.argv[1])):
        number = int(Path(sys.argv[2]).read_text())
        Path(sys.argv[2]).write_text(str(number + 1))
"""


def test_what_is_done_under_the_lock_is_done_by_one_at_a_time(tmp_path: Path) -> None:
    """The file goes with every release, so that a waiter may hold a lock on what is no longer there."""
    number = tmp_path / "number"
    number.write_text("0", encoding="utf-8")
    words = [sys.executable, "-c", COUNTER, str(tmp_path / "lock"), str(number)]
    processes = [subprocess.Popen(words) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert number.read_text(encoding="utf-8") == "200"
