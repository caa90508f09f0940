"""What is acknowledged stays: over a restart, a kill -9, a full disk, many clients at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.errors import LocalEcrError
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.local_ecr.store import Store
from tests.local_ecr.http_client import HttpClient, digest_of, manifest_of

PROJECT = Path(__file__).parents[2]


class Child:
    """A local ECR in a process of its own, to be killed."""

    def __init__(self, root: Path, *, port: int = 0, wrapper: tuple[str, ...] = ()) -> None:
        command = [*wrapper, sys.executable, "-m", "ecr_tasks.local_ecr", f"--root={root}", f"--port={port}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT)
        assert self.process.stdout is not None
        self.port: int = json.loads(self.process.stdout.readline())["port"]
        self.registry = f"127.0.0.1:{self.port}"

    def end(self, how: int = signal.SIGKILL) -> int:
        self.process.send_signal(how)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def http(self) -> HttpClient:
        http = HttpClient(self.registry)
        http.token = http.api("GetAuthorizationToken", {}).json()["authorizationData"][0]["authorizationToken"]
        return http


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    server = LocalEcr(tmp_path)
    with server:
        http = HttpClient.logged_in(server)
        http.api("CreateRepository", {"repositoryName": "app", "imageTagMutability": "IMMUTABLE"})
        raw = http.push_image("app", "v1", b"layer")
        begun = http.send("POST", "/v2/app/blobs/uploads/").headers["Location"]
        http.send("PATCH", begun, b"half a ")
        port = server.port
    with server:
        assert server.port == port
        http = HttpClient.logged_in(server)
        assert http.send("GET", "/v2/app/manifests/v1").body == raw
        assert http.send("GET", f"/v2/app/blobs/{digest_of(b'layer')}").body == b"layer"
        (description,) = http.api("DescribeRepositories", {}).json()["repositories"]
        assert description["imageTagMutability"] == "IMMUTABLE"
        assert http.send("PUT", f"{begun}?digest={digest_of(b'half a layer')}", b"layer").status == 201


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    child = Child(tmp_path)
    http = child.http()
    http.api("CreateRepository", {"repositoryName": "app"})
    acknowledged: dict[str, bytes] = {}
    enough = threading.Event()

    def push(worker: int) -> None:
        mine = HttpClient(child.registry, http.token)
        try:
            for number in range(10_000):
                tag = f"w{worker}-{number}"
                raw = mine.push_image("app", tag, f"{tag} ".encode() * 5000)
                acknowledged[tag] = raw
                if len(acknowledged) >= 40:
                    enough.set()
        except Exception:  # the server was killed
            enough.set()

    threads = [threading.Thread(target=push, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    child.end(signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert len(acknowledged) >= 40

    child = Child(tmp_path, port=child.port)
    http = HttpClient(child.registry, http.token)
    for tag, raw in acknowledged.items():
        assert http.send("GET", f"/v2/app/manifests/{tag}").body == raw
        for layer in json.loads(raw)["layers"]:
            assert digest_of(http.send("GET", f"/v2/app/blobs/{layer['digest']}").body) == layer["digest"]
    assert child.end(signal.SIGTERM) == 0
    with sqlite3.connect(tmp_path / "store.sqlite3") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    assert Child(tmp_path).end(signal.SIGINT) == 0


def test_one_server_for_a_folder(tmp_path: Path, ecr: LocalEcr) -> None:
    with pytest.raises(LocalEcrError, match="Another local ECR serves"):
        LocalEcr(ecr.root).start()
    with pytest.raises(LocalEcrError, match="cannot listen"):
        LocalEcr(tmp_path / "other", port=ecr.port).start()
    with LocalEcr(tmp_path / "other"):
        pass  # the folder is free again
    with pytest.raises(LocalEcrError, match="12 digits"):
        LocalEcr(tmp_path, account="1")
    with pytest.raises(LocalEcrError, match="not running"):
        LocalEcr(tmp_path).requests()


def test_eight_clients_at_once(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    errors: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            mine = HttpClient(ecr.registry, http.token)
            for number in range(6):
                tag = f"w{worker}-{number}"
                raw = mine.push_image(repository, tag, b"shared by all", f"{tag}-".encode() * 1000)
                mine.push_manifest(repository, "latest", raw)
                assert mine.send("GET", f"/v2/{repository}/manifests/{tag}").body == raw
                assert mine.send("GET", f"/v2/{repository}/blobs/{digest_of(b'shared by all')}").status == 200
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    tags = http.send("GET", f"/v2/{repository}/tags/list").json()["tags"]
    assert len(tags) == 49
    assert ecr.requests()["PUT manifest"] == 96


def test_two_requests_for_one_upload(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    answers = []

    def send() -> None:
        answers.append(
            HttpClient(ecr.registry, http.token).send("PATCH", where, b"x" * 1_000_000, Content_Range="0-999999")
        )

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [202, 416, 416, 416]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A folder that takes 2 MiB: a tmpfs where we may mount one, else by a limit on the size of files."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() == 0 and shutil.which("mount") and subprocess.run(command, check=False).returncode == 0:
        yield folder, ()
        subprocess.run(["umount", str(folder)], check=True)
    else:
        yield folder, ("sh", "-c", 'ulimit -f 2048; exec "$@"', "sh")


def test_a_full_disk_is_said_and_survived(small_disk: tuple[Path, tuple[str, ...]]) -> None:
    folder, wrapper = small_disk
    child = Child(folder, wrapper=wrapper)
    try:
        http = child.http()
        http.api("CreateRepository", {"repositoryName": "app"})
        raw = http.push_image("app", "v1", b"small")
        big = os.urandom(8_000_000)
        where = http.send("POST", "/v2/app/blobs/uploads/").headers["Location"]
        try:
            answer = http.send("PATCH", where, big)
        except OSError:  # it answered while we were still sending
            http = HttpClient(child.registry, http.token)
            answer = http.send("POST", f"/v2/app/blobs/uploads/?digest={digest_of(big[:3_000_000])}", big[:3_000_000])
        assert answer.error[:2] == (507, "UNKNOWN")
        assert "No space left on the local ECR's disk. Make room there, or run local.reset" in answer.error[2]
        http = HttpClient(child.registry, http.token)
        assert http.send("GET", where).status == 404
        assert list((folder / "uploads").iterdir()) == []
        assert http.send("HEAD", f"/v2/app/blobs/{digest_of(big)}").status == 404
        assert http.send("GET", "/v2/app/manifests/v1").body == raw
        upload = http.api("InitiateLayerUpload", {"repositoryName": "app"}).json()["uploadId"]
        part = {"repositoryName": "app", "uploadId": upload, "partFirstByte": 0, "partLastByte": 2_999_999}
        answer = http.api("UploadLayerPart", {**part, "layerPartBlob": "A" * 4_000_000})
        assert (answer.status, answer.json()["__type"]) == (507, "ServerException")
        assert "No space left" in answer.json()["message"]
        assert http.push_image("app", "v2", b"another small one")
    finally:
        assert child.end(signal.SIGTERM) == 0


def test_a_database_that_cannot_grow(ecr: LocalEcr, http: HttpClient, repository: str, monkeypatch: Any) -> None:
    raw = http.push_image(repository, "v1", b"layer")

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("ecr_tasks.local_ecr.store.images.Images.put", full)
    monkeypatch.setattr("ecr_tasks.local_ecr.store.database.Database.execute", full)
    assert http.push_manifest(repository, "v2", raw).error[0] == 507
    put = {"repositoryName": repository, "imageManifest": raw.decode()}
    assert http.api("PutImage", put).status == 507
    get = {"repositoryName": repository, "imageIds": [{"imageTag": "v1"}]}
    assert http.api("BatchGetImage", get).json()["images"][0]["imageManifest"] == raw.decode()
    assert http.send("GET", f"/v2/{repository}/manifests/v1").body == raw


def test_sweeping(ecr: LocalEcr, http: HttpClient, repository: str, monkeypatch: Any) -> None:
    raw = http.push_image(repository, "v1", b"used")
    unused = http.push_blob(repository, b"never used")
    http.push_image(repository, "v2", b"used once")
    http.api("BatchDeleteImage", {"repositoryName": repository, "imageIds": [{"imageTag": "v2"}]})
    where = http.send("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    http.send("PATCH", where, b"half")
    stray = ecr.root / "blobs" / "sha256" / "00" / ("0" * 64)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"left by a killed server")
    (ecr.root / "uploads" / "left").write_bytes(b"")
    ecr.stop()

    store = Store(ecr.root, ecr.account)
    store.sweep()
    assert stray.exists()  # everything is young
    for later, left in [(7200, True), (90_000, False)]:
        store.sweep(time.time() + later)
        assert not stray.exists()
        assert bool(list((ecr.root / "uploads").iterdir())) is left
    store.close()

    ecr.start()
    http = HttpClient(ecr.registry, http.token)
    assert http.send("HEAD", f"/v2/{repository}/blobs/{unused}").status == 404
    assert http.send("HEAD", f"/v2/{repository}/blobs/{digest_of(b'used once')}").status == 404
    assert http.send("GET", f"/v2/{repository}/blobs/{digest_of(b'used')}").body == b"used"
    assert http.push_manifest(repository, "again", raw).status == 201
    assert manifest_of(b"{}", [b"used"]) == raw


def test_files_are_closed(ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0

    http.push_image(repository, "v0", b"0")
    before = count()
    for number in range(20):
        digest = http.push_blob(repository, str(number).encode())
        http.send("GET", f"/v2/{repository}/blobs/{digest}")
        http.send("HEAD", f"/v2/{repository}/blobs/{digest}")
        http.send("GET", f"/v2/{repository}/blobs/{digest}", None, Range="bytes=99-")
    assert count() <= before + 1


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    with LocalEcr(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "store.sqlite3") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(LocalEcrError, match="another version"):
        LocalEcr(tmp_path).start()


def test_a_layer_that_is_asked_for_is_kept_for_another_while(
    ecr: LocalEcr, http: HttpClient, repository: str
) -> None:
    digest = http.push_blob(repository, b"old")
    ecr.stop()
    with sqlite3.connect(ecr.root / "store.sqlite3") as db:
        db.execute("UPDATE layer SET since = since - 3000")
    ecr.start()
    again = HttpClient(ecr.registry, http.token)
    assert again.send("HEAD", f"/v2/{repository}/blobs/{digest}").status == 200
    ecr.stop()
    store = Store(ecr.root, ecr.account)
    store.sweep(time.time() + 1000)
    store.close()
    ecr.start()
    assert HttpClient(ecr.registry, http.token).send("GET", f"/v2/{repository}/blobs/{digest}").body == b"old"
