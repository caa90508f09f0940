"""The data folder of a local ECR: who owns it, what is in it, what happens when it is damaged or goes away."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr import background, process
from ecr_tasks.local_ecr.errors import LocalEcrError
from ecr_tasks.local_ecr.server import LocalEcr

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder whose server, if there is one, is stopped afterwards."""
    folder = tmp_path / "ecr"
    yield folder
    if folder.exists():
        background.down(folder)


def ends(pid: int) -> bool:
    """Return whether a server that this process started ends within a generous time."""
    for _ in range(3000):
        process.reap()
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_sixteen_commands_at_once_start_one_server(root: Path) -> None:
    code = f"""
from pathlib import Path
from ecr_tasks.local_ecr import background
print(background.up(Path({str(root)!r})).pid)
"""
    commands = [
        subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        for _ in range(16)
    ]
    pids = {command.communicate(timeout=120)[0] for command in commands}
    assert len(pids) == 1
    assert [command.returncode for command in commands] == [0] * 16


@pytest.mark.parametrize("again", [False, True])
def test_a_server_whose_folder_is_removed_ends(root: Path, again: bool) -> None:
    first = background.up(root)
    assert first.pid is not None
    shutil.rmtree(root)
    assert background.status(root).running is False
    if again:
        second = background.up(root)
        assert (second.running, second.pid != first.pid) == (True, True)
    assert ends(first.pid)
    assert background.status(root).running is again
    assert background.down(root) is again


def test_a_server_in_this_process_ends_with_its_folder(tmp_path: Path) -> None:
    server = LocalEcr(tmp_path / "ecr")
    server.start()
    port = server.port
    shutil.rmtree(server.root)
    for _ in range(3000):
        if process.port_is_free(port) and server._app is None:
            break
        time.sleep(0.01)
    assert process.port_is_free(port)
    server.stop()
    assert not server.root.exists()


def test_a_pid_that_is_another_programs_now_is_not_killed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_STOP_SECONDS", 0.2)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander, LocalEcr(root):
        serving = json.loads((root / "serving.json").read_text())
        (root / "serving.json").write_text(json.dumps({**serving, "pid": bystander.pid, "endpoint": "http://x:1"}))
        with pytest.raises(LocalEcrError, match="does not end"):
            background.down(root)
        assert bystander.poll() is None
        bystander.communicate(b"\n")
    assert bystander.returncode == 0


def test_a_wait_for_another_command_ends(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_LOCK_SECONDS", 0.1)
    code = f"""
import time
from pathlib import Path
from ecr_tasks.local_ecr.process import control_lock
with control_lock(Path({str(root)!r})):
    print("locked", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LocalEcrError, match=r"held .*control\.lock for"):
            background.up(root)
        other.kill()
    assert background.up(root).running


@pytest.mark.parametrize("act", [background.up, background.reset, lambda root: LocalEcr(root).start()])
def test_another_users_folder_is_not_used(
    root: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], object]
) -> None:
    root.mkdir()
    with monkeypatch.context() as somebody:
        somebody.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(LocalEcrError, match="belongs to another user"):
            act(root)
    assert list(root.iterdir()) == []


def test_a_folder_where_others_may_write_is_closed_to_them(root: Path) -> None:
    root.mkdir()
    root.chmod(0o777)
    background.up(root)
    assert stat.S_IMODE(root.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["serving.lock", "control.lock", "server.log"])
def test_no_file_is_written_through_a_link(root: Path, tmp_path: Path, name: str) -> None:
    root.mkdir(mode=0o700)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (root / name).symlink_to(victim)
    with pytest.raises(LocalEcrError):
        background.up(root)
    assert victim.read_text() == "mine"
    (root / name).unlink()


def test_the_secret_is_for_its_owner_alone(root: Path) -> None:
    background.up(root)
    background.down(root)
    (root / "secret").chmod(0o644)
    background.up(root)
    assert stat.S_IMODE((root / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text",
    ['{"port": "x", "account": 5}', '{"port": 99999999999}', '{"port": -1, "container": []}', "[" * 100_000, "[1]"],
    ids=lambda text: text[:12],
)
def test_state_that_makes_no_sense_is_ignored(root: Path, text: str) -> None:
    root.mkdir(mode=0o700)
    for name in ("control.json", "serving.json", "registries.json"):
        (root / name).write_text(text)
    assert background.status(root).running is False
    assert background.up(root).running
