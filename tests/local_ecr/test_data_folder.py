"""The data folder of a local ECR: who owns it, what is in it, what happens when it is damaged or goes away."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr import __main__ as program
from ecr_tasks.local_ecr import background, process
from ecr_tasks.local_ecr.errors import LocalEcrError
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient, wait_until

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
    wait_until(lambda: process.port_is_free(port) and server._app is None)
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


@pytest.mark.parametrize(
    "act", [background.status, background.up, background.down, background.reset, lambda root: LocalEcr(root).start()]
)
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


def removed(file: Path) -> None:
    file.unlink()


def unreadable(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


@pytest.mark.parametrize(
    "damage",
    [
        removed,
        unreadable,
        *(
            lambda file, text=text: file.write_text(text)
            for text in (
                "",
                "[]",
                '{"pid": 1}',
                '{"endpoint": 5}',
                '{"store": "a", "endpoint": "http://127.0.0.1:1"}',
            )
        ),
        lambda file: a_folder(file),
    ],
)
def test_a_running_server_is_found_though_its_address_is_damaged(root: Path, damage: Callable[[Path], None]) -> None:
    first = background.up(root)
    damage(root / "serving.json")
    assert background.status(root) == first
    damage(root / "serving.json")
    assert background.down(root)
    assert first.pid is not None
    assert ends(first.pid)


def test_a_folder_that_became_read_only_is_reported_and_its_server_ended(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that was remounted after errors; root may write anyway, so the error is made up."""
    first = background.up(root)
    real_open = os.open

    def refuse(path: os.PathLike[str], flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and root in Path(path).parents:
            raise OSError(errno.EROFS, "Read-only file system")
        return real_open(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    assert background.status(root) == first
    assert background.down(root)
    assert background.status(root).running is False


def garbage(store: Path) -> None:
    store.write_bytes(b"no database " * 1000)


def truncated(store: Path) -> None:
    os.truncate(store, store.stat().st_size // 2)


def overwritten(store: Path) -> None:
    with store.open("r+b") as file:
        file.seek(4096)
        file.write(b"x" * 20_000)


def newer(store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store)) as db:
        db.execute("PRAGMA user_version = 99")


def without_a_table(store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store)) as db:
        db.execute("DROP TABLE tag")


def with_a_table_of_no_text(store: Path) -> None:
    data = store.read_bytes()
    store.write_bytes(data.replace(b"CREATE TABLE tag", b"CREATE TABLE t\xffg", 1))


def a_folder(store: Path) -> None:
    store.unlink()
    (store / "inside").mkdir(parents=True)


def fill(registry: str) -> HttpClient:
    http = HttpClient(registry)
    http.token = http.api("GetAuthorizationToken", {}).json()["authorizationData"][0]["authorizationToken"]
    http.api("CreateRepository", {"repositoryName": "app"})
    http.push_image("app", "v1", b"layer")
    return http


@pytest.mark.parametrize(
    "damage", [garbage, truncated, overwritten, newer, without_a_table, with_a_table_of_no_text, a_folder]
)
def test_a_store_that_cannot_be_used_is_named_and_emptied_by_reset(
    root: Path, damage: Callable[[Path], None]
) -> None:
    first = background.up(root)
    fill(first.registry)
    background.down(root)
    store = root / "store.sqlite3"
    damage(store)
    with pytest.raises(LocalEcrError) as caught:
        background.up(root)
    assert str(root) in caught.value.cause
    assert damage is a_folder or "run local.reset" in caught.value.remedy
    assert "local.reset" not in caught.value.cause
    assert "Traceback" not in (root / "server.log").read_text()
    background.reset(root)
    assert [path for path in (root / "blobs").rglob("*") if path.is_file()] == []
    again = background.up(root)
    assert (again.registry, again.requests) == (first.registry, {})
    fill(again.registry)


def test_a_store_that_is_damaged_under_a_running_server(root: Path) -> None:
    up = background.up(root)
    http = fill(up.registry)
    with contextlib.closing(sqlite3.connect(root / "store.sqlite3")) as db:
        db.execute("DROP TABLE repository")
    answers = [
        http.api("DescribeRepositories", {}),
        http.api("CreateRepository", {"repositoryName": "other"}),
        http.send("GET", "/v2/app/tags/list"),
    ]
    assert all((answer.status, b"run local.reset" in answer.body) == (500, True) for answer in answers)
    assert background.status(root).running
    assert "Traceback" not in (root / "server.log").read_text()
    background.reset(root)
    assert background.status(root).registry == up.registry
    fill(up.registry)


@pytest.mark.parametrize("value", ["image SET annotations", "image SET scan", "repository SET tags"])
def test_a_stored_value_that_is_damaged(root: Path, value: str) -> None:
    http = fill(background.up(root).registry)
    with contextlib.closing(sqlite3.connect(root / "store.sqlite3")) as db:
        db.execute(f"UPDATE {value} = '{{'")
        db.commit()
    answer = http.api("DescribeImages", {"repositoryName": "app"})
    assert (answer.status, b"run local.reset" in answer.body) == (500, True)
    assert "Traceback" not in (root / "server.log").read_text()


def test_a_store_that_becomes_read_only(ecr: LocalEcr, http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("ecr_tasks.local_ecr.store.database.Database.execute", refuse)
    for answer in (
        http.api("CreateRepository", {"repositoryName": "other"}),
        http.send("POST", "/v2/team/app/blobs/uploads/"),
        http.send(
            "POST",
            "/",
            "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/x&RoleSessionName=ab",
            Content_Type="application/x-www-form-urlencoded",
        ),
    ):
        assert (answer.status, b"give this user access" in answer.body) == (500, True)


def test_the_ports_of_other_registries_outlive_a_reset_of_a_stopped_server(root: Path) -> None:
    def create() -> dict[str, str]:
        http = HttpClient(background.up(root).registry)
        http.api("CreateRepository", {"registryId": "210987654321", "repositoryName": "app"})
        return background.status(root).registries[1]

    first = create()
    background.down(root)
    background.reset(root)
    assert len(background.up(root).registries) == 1
    assert create() == first


def test_what_nobody_foresaw_is_a_sentence_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(program, "main", fail)
    assert program.run(["--root", str(tmp_path)]) == 1
    cause, remedy = capsys.readouterr().err.splitlines()
    assert cause.startswith("The local ECR can't go on: ZeroDivisionError in test_data_folder.py, line ")
    assert "ECR_DEBUG=1" in remedy
    monkeypatch.setenv("ECR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        program.run([])
