"""Locks between processes: one owner at a time, and no lock without its process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecr_tasks.clients.docker.file_lock import lock_file

OWNER = """
import sys
from pathlib import Path
from ecr_tasks.clients.docker.file_lock import lock_file
lock = lock_file(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that has the lock until :func:`release`."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def next_line(process: subprocess.Popen[str]) -> str:
    """Return the next line of the other process."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def release(process: subprocess.Popen[str]) -> None:
    """Make the other process release its lock."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_lock_that_another_process_holds_is_not_to_be_had(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with another_process(path) as other:
        assert next_line(other) == "locked"
        assert lock_file(path, wait=False) is None
        release(other)
        assert next_line(other) == "released"
        lock = lock_file(path, wait=False)
        assert lock is not None
        lock.release()


def test_waiting_ends_when_the_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    locked = threading.Event()

    def lock_it() -> None:
        lock = lock_file(path)
        locked.set()
        if lock is not None:
            lock.release()

    with another_process(path) as other:
        assert next_line(other) == "locked"
        thread = threading.Thread(target=lock_it)
        thread.start()
        assert not locked.wait(0.2)
        release(other)
        assert locked.wait(10)
        thread.join()


def test_the_kernel_frees_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with another_process(path) as other:
        assert next_line(other) == "locked"
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert path.exists()
        lock = lock_file(path, wait=False)
        assert lock is not None
        lock.release()


def test_letting_go_removes_the_file_and_may_be_done_twice(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = lock_file(path)
    assert lock is not None
    assert path.exists()
    lock.release()
    lock.release()
    assert not path.exists()


def test_two_files_are_two_locks(tmp_path: Path) -> None:
    with another_process(tmp_path / "one") as other:
        assert next_line(other) == "locked"
        lock = lock_file(tmp_path / "two", wait=False)
        assert lock is not None
        lock.release()


COUNTER = """
import sys
from pathlib import Path
from ecr_tasks.clients.docker.file_lock import lock_file
for _ in range(50):
    lock = lock_file(Path(sys.argv[1]))
    number = int(Path(sys.argv[2]).read_text())
    Path(sys.argv[2]).write_text(str(number + 1))
    lock.release()
"""


def test_what_is_done_under_the_lock_is_done_by_one_at_a_time(tmp_path: Path) -> None:
    """Every release removes the file, so that a waiter may get the lock of a file that is no longer there."""
    number = tmp_path / "number"
    number.write_text("0", encoding="utf-8")
    words = [sys.executable, "-c", COUNTER, str(tmp_path / "lock"), str(number)]
    processes = [subprocess.Popen(words) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert number.read_text(encoding="utf-8") == "200"
