"""The engine's API by one program, with a script as docker; where it gives no answer, docker's commands do."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks.clients.docker import image_store
from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.retry import Retrier

IDS = [f"sha256:{digit * 64}" for digit in "abc"]
DOCKER = """#!/bin/sh
shift 2
echo "$1 $2" >>{folder}/calls
case "$*" in
  "system dial-stdio") {engine} ;;
  "image inspect"*) shift 4; for one in "$@"; do echo '{{"Env": ["BY=command"]}}'; done ;;
  "image rm denied"*) echo "Error response from daemon: denied:1 may not go" >&2
    echo "Error response from daemon: No such image: path:1" >&2; exit 1 ;;
  "image history"*) printf '"CMD last"\\n"COPY first"\\n' ;;
esac
"""
ENGINE = """
import json, sys
from urllib.parse import parse_qs, unquote
from http.server import BaseHTTPRequestHandler

class Engine(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.rfile, self.wfile = sys.stdin.buffer, sys.stdout.buffer

    def do_GET(self):
        status, document = 404, {"message": "No such image: " + self.path}
        if not self.path.startswith(("/v1.51/", "/_ping")):
            sys.exit("a path without the engine's version")
        self.path = self.path.removeprefix("/v1.51")
        if self.command != "GET":
            print(self.command, unquote(self.path), file=open(sys.argv[1], "a"))
            status = 409 if "used" in self.path else 404 if "gone" in self.path or "path" in self.path else 201
            if self.command == "DELETE" and status == 201:
                status = 409 if "held" in self.path else 403 if "denied" in self.path else 200
            if "path" in self.path:
                document = {"message": "page not found"}
        elif self.path == "/_ping":
            status, document = 200, None
        elif self.path.endswith("/history"):
            status, document = 200, [{"CreatedBy": "CMD last"}, {"CreatedBy": "COPY first"}]
        elif self.path.startswith("/images/json?"):
            wanted = json.loads(parse_qs(self.path)["/images/json?filters"][0])["reference"]
            status, document = 200, [{"Id": "sha256:1", "RepoTags": [f"{name}:1" for name in wanted]}]
        elif self.path == "/containers/json?all=true":
            status, document = 200, [{"Id": "box"}]
        elif self.path == "/containers/box/json":
            status, document = 200, {"Image": "sha256:used"}
        elif "denied" in self.path:
            status, document = 200, {"Id": "sha256:1", "RepoTags": ["denied:1", "denied:10"]}
        elif "ccc" not in self.path and "path" not in self.path:
            document = {"Id": self.path.split("/")[2], "Config": {"Env": ["BY=api"]}, "RepoTags": ["app:1"]}
            status = 200
        if self.command == "DELETE" and "hang" in sys.argv:
            sys.stdin.read()
        if "bbb" in self.path and "break" in sys.argv:
            sys.exit(1)
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Api-Version", "1.51")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_POST = do_DELETE = do_GET

    def finish(self):
        pass

    def log_message(self, *words):
        pass

Engine(None, ("", 0), None)
"""


@pytest.fixture
def reported() -> list[str]:
    """Return the lines that the port reports."""
    return []


@pytest.fixture
def port_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reported: list[str]) -> Callable[[str], WhalesDocker]:
    """Return what makes a port whose docker connects to such an engine."""

    def make(engine: str) -> WhalesDocker:
        script = tmp_path / "bin" / "docker"
        script.parent.mkdir()
        script.write_text(DOCKER.format(folder=tmp_path, engine=engine), encoding="utf-8")
        script.chmod(0o755)
        (tmp_path / "engine.py").write_text(ENGINE, encoding="utf-8")
        monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
        config = PrivateConfig({"DOCKER_CONFIG": str(tmp_path / "docker")}, tmp_path)
        return WhalesDocker(config, tmp_path, {}, retrier=Retrier(reported.append))

    return make


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text(encoding="utf-8").splitlines()


def looked_at(port: WhalesDocker, ids: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return who told the images' configurations, and their histories."""
    configs = port.image_configs(ids, None)
    return [(configs[image_id].environment["BY"], configs[image_id].history) for image_id in ids]


def test_one_program_tells_of_many_images(port_with: Callable[[str], WhalesDocker], tmp_path: Path) -> None:
    port = port_with(f"exec {sys.executable} {tmp_path}/engine.py {tmp_path}/changes")
    for _ in range(2):
        assert looked_at(port, IDS[:2]) == [("api", ("COPY first", "CMD last"))] * 2
    assert calls(tmp_path) == ["system dial-stdio"]
    port.close()
    assert port.local_names(["app"]) == {"app:1": "sha256:1", "*/app:1": "sha256:1", "ecr-tasks-build:1": "sha256:1"}
    assert calls(tmp_path) == ["system dial-stdio"] * 2
    port.close()


@pytest.mark.parametrize(
    "engine",
    [
        "exit 1",
        "echo no such command >&2",
        "echo what",
        "read a; echo HTTP/1.1 502 Bad Gateway; echo",
        "echo HTTP/1.1 200 OK; echo",
    ],
)
def test_without_the_api_docker_s_commands_tell(
    port_with: Callable[[str], WhalesDocker], tmp_path: Path, engine: str
) -> None:
    port = port_with(engine)
    for _ in range(2):
        assert looked_at(port, IDS[:2]) == [("command", ("COPY first", "CMD last"))] * 2
    assert calls(tmp_path).count("system dial-stdio") == 1
    port.close()


def test_what_the_api_does_not_tell_docker_s_commands_do(
    port_with: Callable[[str], WhalesDocker], tmp_path: Path
) -> None:
    port = port_with(f"exec {sys.executable} {tmp_path}/engine.py {tmp_path}/changes")
    assert [by for by, _ in looked_at(port, IDS)] == ["api", "api", "command"]
    port.close()
    assert sorted(calls(tmp_path)) == ["image history", "image inspect", "system dial-stdio"]


def test_a_connection_that_breaks_loses_no_answer(port_with: Callable[[str], WhalesDocker], tmp_path: Path) -> None:
    port = port_with(f"exec {sys.executable} {tmp_path}/engine.py {tmp_path}/changes break")
    assert [by for by, _ in looked_at(port, IDS)] == ["api", "command", "command"]
    port.close()


def test_one_program_gives_tells_and_removes_names(port_with: Callable[[str], WhalesDocker], tmp_path: Path) -> None:
    port = port_with(f"exec {sys.executable} {tmp_path}/engine.py {tmp_path}/changes")
    names = ["app:1", "*/app:1", "ecr-tasks-build:1"]
    assert port.local_names(["app"]) == dict.fromkeys(names, "sha256:1")
    found = port.local_images(["sha256:used", "sha256:other", IDS[2]])
    assert [(image.id, image.names, image.used) for image in found] == [
        ("sha256:used", ("app:1",), True),
        ("sha256:other", ("app:1",), False),
    ]
    port.tag_for_run(IDS[0], "host:5000/app:main")
    assert port.remove_names(["app:old", "app:used", "app:gone", "app:path"]) == [
        "app:old",
        "app:gone",
        "app:path",
    ]
    port.close()
    assert calls(tmp_path) == ["system dial-stdio", "image rm"]  # the engine said nothing of one
    assert (tmp_path / "changes").read_text(encoding="utf-8").splitlines() == [
        f"POST /images/{IDS[0]}/tag?repo=host:5000/app&tag=main",
        "DELETE /images/app:old?noprune=true",
        "DELETE /images/app:used?noprune=true",
        "DELETE /images/app:gone?noprune=true",
        "DELETE /images/app:path?noprune=true",
        "DELETE /images/host:5000/app:main?noprune=true",
    ]
    port.close()
    assert calls(tmp_path) == ["system dial-stdio", "image rm"]


def test_names_of_the_run_that_the_engine_keeps_are_reported_once(
    port_with: Callable[[str], WhalesDocker], tmp_path: Path, reported: list[str]
) -> None:
    port = port_with(f"exec {sys.executable} {tmp_path}/engine.py {tmp_path}/changes")
    for name in ("app:goes", "held:1", "denied:1", "path:1"):
        port.tag_for_run(IDS[0], name)
    port.close()
    port.close()
    assert reported == [
        "the engine keeps names that only runs needed: held:1 denied:1 (`docker image rm held:1 denied:1` says why)"
    ]


def test_the_api_is_asked_by_the_version_that_the_user_has_set(
    port_with: Callable[[str], WhalesDocker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_API_VERSION", "1.41")
    port = port_with(f"exec {sys.executable} {tmp_path}/engine.py {tmp_path}/changes")
    script = tmp_path / "engine.py"
    script.write_text(script.read_text("utf-8").replace("/v1.51", "/v1.41"), encoding="utf-8")
    assert looked_at(port, IDS[:1]) == [("api", ("COPY first", "CMD last"))]
    port.close()


def test_an_engine_that_hangs_is_waited_for_once_at_the_end(
    port_with: Callable[[str], WhalesDocker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_store, "SECONDS", 1)
    port = port_with(f"exec {sys.executable} {tmp_path}/engine.py {tmp_path}/changes hang")
    port.tag_for_run(IDS[0], "app:1")
    port.close()
    assert calls(tmp_path) == ["system dial-stdio"]


def test_a_script_as_docker_leaves_no_program_behind(
    port_with: Callable[[str], WhalesDocker], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "held")
    reader = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    port = port_with(f"exec 3>{tmp_path}/held; sleep 600 & echo what; wait")
    assert [by for by, _ in looked_at(port, IDS[:1])] == ["command"]
    assert select.select([reader], [], [], 60)[0]  # the end of the last program that had it open
    assert os.read(reader, 1) == b""
    os.close(reader)
    port.close()
