"""Tests of a builder outside the engine, with both image stores: its images are loaded, pushed and found again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project

UPGRADE_REQUEST = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"
)
"""The request that turns a connection to an engine into one to its BuildKit (Docker Engine API, POST /grpc)."""


def forward(source: socket.socket, target: socket.socket) -> None:
    """Send what one socket receives to another one, until it is closed."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def connect(client: socket.socket, engine: str) -> None:
    """Connect a client to the BuildKit of an engine."""
    server = socket.socket(socket.AF_UNIX)
    server.connect(engine)
    server.sendall(UPGRADE_REQUEST)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += server.recv(1)
    threading.Thread(target=forward, args=(client, server), daemon=True).start()
    threading.Thread(target=forward, args=(server, client), daemon=True).start()


@pytest.fixture
def buildkit(engine: dict[str, str]) -> Iterator[str]:
    """Return the address of a BuildKit for buildx's remote driver: that of the engine with containerd's store."""
    host = engine.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        pytest.skip("the engine is on another machine")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connect(listener.accept()[0], host.removeprefix("unix://"))

        threading.Thread(target=accept, daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=["engine", "classic_engine"])
def app(request: pytest.FixtureRequest, tmp_path: Path, local_ecr: LocalEcr, buildkit: str) -> Project:
    environ = {**request.getfixturevalue(request.param), **local_ecr.environment()}
    environ |= {"BUILDX_CONFIG": str(tmp_path / "buildx"), "ECR_CREATE_REPOSITORY": "true", "ECR_BUILDER": "beside"}
    app = project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")
    docker(environ, "buildx", "create", "--name", "beside", "--driver", "remote", buildkit)
    return app


def test_each_commit_is_pushed_under_every_tag(app: Project) -> None:
    for number in range(2):
        app.write("hello.txt", f"hello {number}\n")
        app.commit()
        result = app.ok("build", "push")
        assert 'building with "beside" instance using remote driver' in result.stderr
        (image,) = app.receipt["images"]
        (published,) = image["published"]
        assert (published["state"], len(published["tags"])) == ("pushed", 2)
        assert result.lines == [published["reference"]]
        assert published["reference"].endswith(image["digest"])
    second = app.ok("build", "push")
    assert second.lines == result.lines
    assert "building with" not in second.stderr


def test_a_push_publishes_the_build_of_an_earlier_run(app: Project) -> None:
    app.ok("build")
    pushed = app.ok("push")
    assert "building with" not in pushed.stderr
    assert app.receipt["images"][0]["published"][0]["state"] == "pushed"
    container = docker(app.environ, "create", app.ok("pull").lines[0], "none").stdout.strip()
    docker(app.environ, "cp", f"{container}:/hello.txt", str(app.folder / "copied.txt"))
    docker(app.environ, "rm", container)
    assert (app.folder / "copied.txt").read_text("utf-8") == (app.folder / "hello.txt").read_text("utf-8")


def test_several_platforms_are_pushed_from_the_builder(app: Project) -> None:
    result = app.ok("build", "push", ECR_PLATFORMS="linux/amd64,linux/arm64")
    assert result.lines == [app.receipt["images"][0]["published"][0]["reference"]]
    assert app.receipt["images"][0]["platforms"] == ["linux/amd64", "linux/arm64"]
