"""A user's own folder for runs: found by every run, taken by nobody else, empty of what killed runs had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks.clients.docker.own_folder import RunFolder, own_folder, sweep

RUNS = """
import sys
from pathlib import Path
from ecr_tasks.clients.docker.own_folder import RunFolder
for _ in range(60):
    run = RunFolder(Path(sys.argv[1]))
    (run.create() / "file").write_text("x")
    assert (run.create() / "file").read_text() == "x"
    run.close()
"""

LIVING = """
import subprocess, sys, time
from pathlib import Path
from ecr_tasks.clients.docker.own_folder import RunFolder
folder = RunFolder(Path(sys.argv[1])).create()
(folder / "bake.json").write_text("secret")
child = subprocess.Popen(["sleep", "600"], env={"DOCKER_CONFIG": str(folder / "docker")}, stdout=subprocess.DEVNULL)
while b"DOCKER_CONFIG" not in Path(f"/proc/{child.pid}/environ").read_bytes():
    pass  # Popen returns while the kernel still loads the program
print(child.pid, flush=True)
time.sleep(600)
"""


def test_runs_beside_each_other_never_lose_their_folder(tmp_path: Path) -> None:
    """Each of them sweeps, and removes the user's folder when it is the last one there."""
    runs = [subprocess.Popen([sys.executable, "-c", RUNS, str(tmp_path)]) for _ in range(6)]
    assert [run.wait() for run in runs] == [0] * len(runs)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_leaves_nothing_after_the_next_one(tmp_path: Path) -> None:
    """Neither the folder nor the docker command that it had started."""
    with subprocess.Popen([sys.executable, "-c", LIVING, str(tmp_path)], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        child = int(run.stdout.readline())
        run.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.rglob("bake.json"))) == 1
    following = RunFolder(tmp_path)
    following.create()
    assert list(tmp_path.rglob("bake.json")) == []
    assert _has_ended(child)
    following.close()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (own_folder(tmp_path) / "push-0123456789abcdef.lock").write_text("1\n", encoding="utf-8")
    (own_folder(tmp_path) / "run-01234567.lock").touch()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to(folder.parent / "elsewhere")


def _open(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)


@pytest.mark.parametrize("take", [_link, _open, os.mkfifo, Path.touch])
def test_every_run_finds_the_folder_beside_a_name_that_is_taken(take: Callable[[Path], None], tmp_path: Path) -> None:
    usual = own_folder(tmp_path)
    usual.rmdir()
    take(usual)
    first, second = RunFolder(tmp_path), RunFolder(tmp_path)
    assert first.create().parent == second.create().parent != usual
    assert first.create().parent.stat().st_mode & 0o777 == 0o700
    _remove(usual)
    third = RunFolder(tmp_path)
    assert third.create().parent == first.create().parent
    assert first.create().is_dir()
    for run in (first, second, third):
        run.close()
    assert {path.name for path in tmp_path.iterdir()} <= {"elsewhere"}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()


def _has_ended(pid: int) -> bool:
    """Return whether a process ends that belongs to nobody any more; it may be a zombie for a while."""
    for _ in range(1000):
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_only_what_runs_have_made_is_removed(tmp_path: Path) -> None:
    """A folder may have a name like ours, and be the user's all the same."""
    for folder in (own_folder(tmp_path), tmp_path / f"{own_folder(tmp_path).name}-backup"):
        (folder / "photos").mkdir(0o700, parents=True)
        folder.chmod(0o700)
        (folder / "photos" / "cat.jpg").touch()
        (folder / "run-0123abcd").mkdir()
    sweep(tmp_path)
    assert len(list(tmp_path.rglob("cat.jpg"))) == 2
    assert list(tmp_path.rglob("run-*")) == []
