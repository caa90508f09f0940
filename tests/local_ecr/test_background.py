"""A local ECR in the background: started once, found again, emptied, stopped; and what can go wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr import auth, background, process
from ecr_tasks.local_ecr.errors import LocalEcrError
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder whose server, if there is one, is stopped afterwards."""
    folder = tmp_path / "with a space" / "ecr"
    yield folder
    background.down(folder)


def test_up_status_down(root: Path) -> None:
    assert background.status(root) == background.Status(
        running=False,
        endpoint="",
        registry="",
        account="000000000000",
        region="us-east-1",
        pid=None,
        root=root,
    )
    assert not root.exists()
    up = background.up(root, account="123456789012", region="eu-west-1")
    assert (up.running, up.account, up.region, up.container) == (True, "123456789012", "eu-west-1", None)
    assert up.endpoint == f"http://{up.registry}"
    assert up.registry.startswith("127.0.0.1:")
    assert background.up(root) == up == background.status(root)
    assert json.loads(json.dumps(up.as_json()))["root"] == str(root)
    HttpClient(up.registry).send("GET", "/v2/")
    assert background.status(root).requests == {"GET base": 1}
    assert background.down(root) is True
    assert background.down(root) is False
    after = background.status(root)
    assert (after.running, after.registry, after.pid) == (False, up.registry, None)
    again = background.up(root)
    assert (again.registry, again.account, again.region) == (up.registry, up.account, up.region)
    assert again.requests == {"GET base": 1}
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    for file in root.rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_status_is_quick(root: Path) -> None:
    def seconds(call: Callable[[Path], object]) -> float:
        begun = time.perf_counter()
        call(root)
        return time.perf_counter() - begun

    start = seconds(background.up)
    assert min(seconds(background.status) for _ in range(10)) < start / 10


def test_two_ups_at_once_start_one(root: Path) -> None:
    statuses: list[background.Status] = []
    threads = [threading.Thread(target=lambda: statuses.append(background.up(root))) for _ in range(4)]
    code = f"""
from pathlib import Path
from ecr_tasks.local_ecr import background
print(background.up(Path({str(root)!r})).pid)
"""
    others = [subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The server holds no end of the pipe, or this would wait for ever.
    pids = {int(other.communicate(timeout=120)[0]) for other in others}
    assert pids | {status.pid for status in statuses} == {statuses[0].pid}


def test_a_killed_server_is_noticed(root: Path) -> None:
    up = background.up(root)
    assert up.pid is not None
    os.kill(up.pid, signal.SIGKILL)
    assert process.wait_for_end(root, 5)
    assert background.status(root).running is False
    again = background.up(root)
    assert (again.registry, again.running) == (up.registry, True)


def test_the_server_outlives_its_starter_and_has_none_of_its_secrets(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    up = background.up(root)
    assert up.pid is not None
    assert os.getsid(up.pid) == up.pid
    environment = Path(f"/proc/{up.pid}/environ")
    if environment.exists():
        assert b"a secret" not in environment.read_bytes()
        opened = [str(fd.readlink()) for fd in Path(f"/proc/{up.pid}/fd").iterdir()]
        assert not [name for name in opened if name.startswith("pipe:")]


def test_reset(root: Path) -> None:
    up = background.up(root)
    http = HttpClient(up.registry)
    http.token = http.api("GetAuthorizationToken", {}).json()["authorizationData"][0]["authorizationToken"]

    def fill() -> None:
        http.api("CreateRepository", {"repositoryName": "app"})
        http.push_image("app", "v1", b"layer")

    def is_empty() -> bool:
        files = [path for name in ("blobs", "uploads") for path in (root / name).rglob("*") if path.is_file()]
        log = root / "access.jsonl"
        return not files and not (log.exists() and log.stat().st_size)

    fill()
    background.reset(root)
    assert is_empty()
    assert http.send("GET", "/v2/app/tags/list").error[1] == "NAME_UNKNOWN"
    assert background.status(root).registry == up.registry
    fill()
    background.down(root)
    assert not is_empty()
    background.reset(root)
    assert is_empty()
    assert background.status(root).running is False
    assert background.up(root).requests == {}


def test_a_port_that_is_taken(root: Path) -> None:
    port = int(background.up(root).registry.partition(":")[2])
    background.down(root)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(LocalEcrError, match=f"Port {port}, where this local ECR was before, is taken"):
            background.up(root)
        assert background.status(root).running is False
        elsewhere = background.up(root, port=free_port())
        assert elsewhere.running
    with pytest.raises(LocalEcrError, match=r"Port .* is taken by another program"):
        background.up(root.parent / "second", port=int(elsewhere.registry.partition(":")[2]))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("other", [{"account": "210987654321"}, {"region": "eu-west-3"}, {"port": 1}])
def test_a_server_with_other_settings_is_not_replaced(root: Path, other: dict[str, object]) -> None:
    background.up(root)
    with pytest.raises(LocalEcrError, match="runs already, with"):
        background.up(root, **other)  # type: ignore[arg-type]


def test_a_server_that_does_not_start_says_why(root: Path) -> None:
    with pytest.raises(LocalEcrError, match="12 digits"):
        background.up(root, account="1")
    assert background.status(root).running is False


def test_another_program_at_our_port_is_not_us(root: Path, tmp_path: Path) -> None:
    background.up(root)
    background.down(root)
    with LocalEcr(tmp_path / "other", port=int(background.status(root).registry.partition(":")[2])):
        assert background.status(root).running is False


def test_a_server_that_hangs_is_ended(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(background, "_STOP_SECONDS", 0.5)
    up = background.up(root)
    assert up.pid is not None
    os.kill(up.pid, signal.SIGSTOP)
    found = background.status(root)
    assert (found.running, found.hangs) == (False, True)
    with pytest.raises(LocalEcrError, match="does not answer"):
        background.up(root)
    with pytest.raises(LocalEcrError, match="does not answer"):
        background.reset(root)
    assert background.down(root) is True
    assert not process.is_served(root)


def test_only_who_means_it_can_reset_or_stop(root: Path) -> None:
    http = HttpClient(background.up(root).registry)
    for path in ("/_local/reset", "/_local/stop"):
        assert http.send("POST", path, b"").status == 403
        assert http.send("POST", path, b"", X_Local_Ecr="yes").status == 403
        assert http.send("POST", path, b"", X_Local_Ecr=path[8:]).status == 403
        assert http.send("POST", path, b"", X_Local_Ecr="\xe9").status == 403
        token = auth.admin_token((root / "secret").read_bytes(), path)
        assert http.send("POST", path, b"", X_Local_Ecr=token, Origin="http://evil.example").status == 403
        other = auth.admin_token(bytes(32), path)
        assert http.send("POST", path, b"", X_Local_Ecr=other).status == 403
        assert http.send("GET", path).status == 404
    assert background.status(root).running


def test_a_test_s_own_server_is_not_stopped_from_outside(ecr: LocalEcr) -> None:
    assert background.down(ecr.root / "nothing") is False
    token = auth.admin_token((ecr.root / "secret").read_bytes(), "/_local/stop")
    answer = HttpClient(ecr.registry).send("POST", "/_local/stop", b"", X_Local_Ecr=token)
    assert (answer.status, b"by the program" in answer.body) == (403, True)


def test_one_in_a_container(root: Path, tmp_path: Path) -> None:
    """The container is another process here: what matters is that it is reached over HTTP alone."""
    port = free_port()
    command = [sys.executable, "-m", "ecr_tasks.local_ecr", f"--root={root}", "--host=0.0.0.0"]
    with subprocess.Popen(
        [*command, f"--port={port}", f"--advertise=127.0.0.1:{port}", "--account=123456789012"],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
    ) as container:
        endpoint = f"http://127.0.0.1:{port}"
        adopted = background.adopt(root, endpoint=endpoint, container="box")
        assert (adopted.container, adopted.pid, adopted.endpoint) == ("box", None, endpoint)
        assert background.status(root) == background.up(root) == adopted
        HttpClient(adopted.registry).api("CreateRepository", {"repositoryName": "app"})
        assert background.status(root).requests == {"CreateRepository": 1}
        background.reset(root)
        assert background.status(root).requests == {}
        with pytest.raises(LocalEcrError, match="runs already"):
            background.up(root, region="eu-west-3")
        container.send_signal(signal.SIGKILL)
        container.wait()
        gone = background.status(root)
        assert (gone.running, gone.container) == (False, "box")
        with pytest.raises(LocalEcrError, match="container box, which does not answer"):
            background.up(root)
        with pytest.raises(LocalEcrError, match="does not answer"):
            background.reset(root)
    assert background.down(root) is False
    assert background.status(root).container is None
    assert background.up(root).registry == adopted.registry  # references to its images still name the right port
    with pytest.raises(LocalEcrError, match=r"serves .* already"), LocalEcr(tmp_path / "another") as another:
        background.adopt(root, endpoint=another.endpoint, container="box")


def test_a_running_container_ends_with_down(root: Path, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "ecr_tasks.local_ecr", f"--root={root}", f"--port={port}"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) as container:
        background.adopt(root, endpoint=f"http://127.0.0.1:{port}/", container="box")
        assert background.down(root) is True
        assert container.wait(10) == 0


def test_a_container_that_never_answers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_ADOPT_SECONDS", 0.1)
    with pytest.raises(LocalEcrError, match="docker logs box"):
        background.adopt(root, endpoint=f"http://127.0.0.1:{free_port()}", container="box")


def test_default_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert background.default_root() == tmp_path / "ecr-tasks" / "local"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert background.default_root() == tmp_path / ".local" / "share" / "ecr-tasks" / "local"


def test_files_that_were_cut_short_are_no_obstacle(root: Path) -> None:
    root.mkdir(parents=True)
    for name in ("control.json", "serving.json"):
        (root / name).write_text('{"po')
    (root / "secret").write_bytes(b"half")
    assert background.up(root).running


@pytest.mark.parametrize("arguments", [[], ["--root"], ["--port=1"], ["--root=x", "--port=y"], ["--colour=red"]])
def test_the_command_explains_itself(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "ecr_tasks.local_ecr"]
    completed = subprocess.run([*command, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (completed.returncode, "usage:" in completed.stderr) == (2, True)
    completed = subprocess.run([*command, "--help"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (completed.returncode, "usage:" in completed.stdout) == (0, True)


def imported(module: str) -> list[str]:
    """What is loaded by importing a module in a new interpreter."""
    code = f"import sys; before = set(sys.modules); import {module}; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_it_imports_nothing_else_of_the_project_and_only_the_standard_library() -> None:
    for module, unneeded in (
        ("ecr_tasks.local_ecr.__main__", {"argparse", "asyncio", "logging", "subprocess"}),
        (
            "ecr_tasks.local_ecr.background",
            {"argparse", "asyncio", "email", "logging", "sqlite3", "ssl", "subprocess"},
        ),
    ):
        loaded = imported(module)
        assert [
            name for name in loaded if name.startswith("ecr_tasks.") and not name.startswith("ecr_tasks.local_ecr")
        ] == []
        top_levels = {name.partition(".")[0] for name in loaded}
        assert top_levels - set(sys.stdlib_module_names) == {"ecr_tasks"}
        assert not top_levels & unneeded


@pytest.mark.parametrize("act", [background.status, background.up, background.down, background.reset])
def test_a_folder_that_can_t_be_used_is_named_with_a_remedy(tmp_path: Path, act: Callable[[Path], object]) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LocalEcrError) as caught:
        act(tmp_path / "file" / "local")
    assert f"folder {tmp_path}/file/local: Not a directory." in caught.value.cause
    assert "XDG_DATA_HOME" in caught.value.remedy


def test_a_store_that_is_no_database_is_named(root: Path) -> None:
    background.up(root)
    background.down(root)
    for file in root.glob("store.sqlite3*"):
        file.unlink()
    (root / "store.sqlite3").write_text("this is not a database, but long enough to be looked at as one")
    with pytest.raises(LocalEcrError) as caught:
        background.up(root)
    assert f"{root}/store.sqlite3: file is not a database." in caught.value.cause


def test_a_store_in_a_place_that_can_t_be_opened_is_named(root: Path) -> None:
    (root / "store.sqlite3").mkdir(parents=True)
    with pytest.raises(LocalEcrError, match="Is a directory"):
        background.up(root)


def test_a_user_without_a_home_is_told_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "home", _no_home)
    with pytest.raises(LocalEcrError) as caught:
        background.default_root()
    assert "XDG_DATA_HOME" in caught.value.remedy


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")
