"""A private engine's life: started by several at once, killed, left over from before a reboot, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engine.conftest import USERS, docker, evaluated, script


@pytest.fixture
def cache(classic_engine: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """A cache folder of its own, with the programs that the user's has; the engine in it ends with the test."""
    users = Path(USERS.get("XDG_CACHE_HOME") or Path(USERS["HOME"], ".cache"))
    (tmp_path / "ecr-tasks/engine").mkdir(parents=True)
    (tmp_path / "ecr-tasks/engine/root").symlink_to(users / "ecr-tasks/engine/root")
    yield tmp_path
    script("engine", "stop", "--classic", environ=USERS | {"XDG_CACHE_HOME": str(tmp_path)})


def start(cache: Path) -> str:
    # Its output is a pipe of ours: were it held by the engine, this would wait for ever.
    return script("engine", "start", "--classic", environ=USERS | {"XDG_CACHE_HOME": str(cache)})


def processes(cache: Path) -> list[int]:
    """Every engine process that was started for this cache folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"dockerd" in command and str(cache).encode() in command:
            found.append(int(folder.name))
    return found


def answers(exports: str) -> bool:
    return docker(evaluated(exports), "version", check=False).returncode == 0


def pid_file(cache: Path) -> Path:
    (daemon,) = processes(cache)
    options = Path(f"/proc/{daemon}/cmdline").read_bytes().split(b"\0")
    settings = Path(options[options.index(b"--config-file") + 1].decode()).read_text(encoding="utf-8")
    return Path(settings.split('"pidfile": "')[1].split('"')[0])


def test_several_callers_at_once_get_one_engine(cache: Path) -> None:
    with ThreadPoolExecutor(4) as callers:
        exports = set(callers.map(start, [cache] * 4))
    assert len(exports) == 1
    assert len(processes(cache)) == 1
    assert answers(exports.pop())


def test_a_killed_engine_is_started_again(cache: Path) -> None:
    start(cache)
    (daemon,) = processes(cache)
    os.kill(daemon, signal.SIGKILL)
    while processes(cache):
        time.sleep(0.02)
    assert answers(start(cache))


def test_what_a_reboot_left_behind_is_no_obstacle(cache: Path) -> None:
    start(cache)
    ids = pid_file(cache)
    script("engine", "stop", "--classic", environ=USERS | {"XDG_CACHE_HOME": str(cache)})
    # After a reboot the numbers may belong to other processes, such as this one.
    (ids.parent / "exec/containerd").mkdir(parents=True)
    for left in (ids, ids.parent / "exec/containerd/containerd.pid"):
        left.write_text(str(os.getpid()), encoding="utf-8")
    (ids.parent / "docker.sock").touch()
    assert answers(start(cache))


def test_a_stopped_engine_leaves_nothing_running(cache: Path) -> None:
    exports = start(cache)
    ids = pid_file(cache)
    script("engine", "stop", "--classic", environ=USERS | {"XDG_CACHE_HOME": str(cache)})
    assert processes(cache) == []
    assert not ids.parent.exists()
    assert not answers(exports)
    assert str(cache) not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")


def test_elsewhere_it_says_what_to_install(tmp_path: Path) -> None:
    """On a machine that is none of ours: neither Docker nor apt on PATH."""
    for name in ("bash", "cat", "cksum", "cut", "dirname", "sed", "timeout", "uname"):
        found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True)
        (tmp_path / name).symlink_to(found.stdout.strip())
    done = subprocess.run(
        [Path(__file__).parents[2] / "script/engine", "start"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "Install and start Docker" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("stop", "--everything"), ("start", "--classic", "now")])
def test_wrong_usage_shows_the_right_one(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [Path(__file__).parents[2] / "script/engine", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "script/engine start" in done.stderr


def test_the_bridge_helper_reads_as_this_python() -> None:
    """It runs under the system's python3, not under the virtual environment's."""
    helper = Path(__file__).parents[2] / "script/lib/bridge.py"
    assert subprocess.run([sys.executable, helper, "down", "ecr-none"], check=False).returncode == 0
