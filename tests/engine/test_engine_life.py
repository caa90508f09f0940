"""Tests of the start and stop of a private engine by script/engine."""

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

from tests.engine.conftest import docker, environment_after
from tests.support.scripts import USER_ENVIRONMENT, script


@pytest.fixture
def cache(classic_engine: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """Return a new cache folder with the installed programs; its engine stops after the test."""
    user_cache = Path(USER_ENVIRONMENT.get("XDG_CACHE_HOME") or Path(USER_ENVIRONMENT["HOME"], ".cache"))
    (tmp_path / "ecr-tasks/engine").mkdir(parents=True)
    (tmp_path / "ecr-tasks/engine/root").symlink_to(user_cache / "ecr-tasks/engine/root")
    yield tmp_path
    script("engine", "stop", "--classic", environ=USER_ENVIRONMENT | {"XDG_CACHE_HOME": str(tmp_path)})


def start(cache: Path) -> str:
    """Start the engine and return the export lines."""
    # This reads a pipe to its end, so the engine must not keep the pipe open.
    return script("engine", "start", "--classic", environ=USER_ENVIRONMENT | {"XDG_CACHE_HOME": str(cache)})


def processes(cache: Path) -> list[int]:
    """Return the ids of the engine processes of this cache folder."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"dockerd" in command and str(cache).encode() in command:
            pids.append(int(folder.name))
    return pids


def answers(exports: str) -> bool:
    """Tell whether the engine of these export lines answers."""
    return docker(environment_after(exports), "version", check=False).returncode == 0


def pid_file(cache: Path) -> Path:
    """Return the pid file of the running engine."""
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


def test_an_engine_starts_with_the_files_from_before_a_reboot(cache: Path) -> None:
    start(cache)
    pid_path = pid_file(cache)
    script("engine", "stop", "--classic", environ=USER_ENVIRONMENT | {"XDG_CACHE_HOME": str(cache)})
    # After a reboot the numbers may belong to other processes, such as this one.
    (pid_path.parent / "exec/containerd").mkdir(parents=True)
    for stale_file in (pid_path, pid_path.parent / "exec/containerd/containerd.pid"):
        stale_file.write_text(str(os.getpid()), encoding="utf-8")
    (pid_path.parent / "docker.sock").touch()
    assert answers(start(cache))


def test_a_stopped_engine_leaves_no_process_files_or_mounts(cache: Path) -> None:
    exports = start(cache)
    pid_path = pid_file(cache)
    script("engine", "stop", "--classic", environ=USER_ENVIRONMENT | {"XDG_CACHE_HOME": str(cache)})
    assert processes(cache) == []
    assert not pid_path.parent.exists()
    assert not answers(exports)
    assert str(cache) not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")


def test_without_docker_and_apt_the_error_says_what_to_install(tmp_path: Path) -> None:
    """Neither Docker nor apt is on PATH."""
    for name in ("bash", "cat", "cksum", "cut", "dirname", "sed", "timeout", "uname"):
        location = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True)
        (tmp_path / name).symlink_to(location.stdout.strip())
    result = subprocess.run(
        [Path(__file__).parents[2] / "script/engine", "start"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (3, "")
    assert "Install and start Docker" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("stop", "--everything"), ("start", "--classic", "now")])
def test_wrong_arguments_print_the_usage(arguments: tuple[str, ...]) -> None:
    result = subprocess.run(
        [Path(__file__).parents[2] / "script/engine", *arguments], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert "script/engine start" in result.stderr


def test_the_bridge_helper_runs_with_this_python() -> None:
    """script/engine runs it with the system's python3, so it must not need a newer Python."""
    helper = Path(__file__).parents[2] / "script/lib/bridge.py"
    assert subprocess.run([sys.executable, helper, "down", "ecr-none"], check=False).returncode == 0
