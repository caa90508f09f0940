"""A push by the engine's own API, at an engine's socket, with a program as docker that only fails or succeeds."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks import signals
from ecr_tasks.clients.docker import engine_connection
from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.errors import AwsError, RegistryError
from ecr_tasks.model.registry import RegistryToken

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
REFERENCE = f"{HOST}/team/app:1.2"
PASSWORD = "fZ9-password-of-the-registry-77"
PUSHED: list[dict[str, Any]] = [
    {"status": f"The push refers to repository [{HOST}/team/app]"},
    {"status": "Waiting", "progressDetail": {}, "id": "0ebc49027c00"},
    {"status": "Waiting", "progressDetail": {}, "id": "1ebc49027c00"},
    {"status": "Waiting", "progressDetail": {}, "id": "0ebc49027c00"},
    {"status": "Pushing", "progressDetail": {"current": 5, "total": 10}, "id": "0ebc49027c00"},
    {"status": "Pushed", "progressDetail": {}, "id": "0ebc49027c00"},
    {"aux": {"manifestPushedInsteadOfIndex": True}},
    {"status": "1.2: digest: sha256:aa size: 855"},
]
TOLD = (
    f"The push refers to repository [{HOST}/team/app]\n0ebc49027c00: Waiting\n1ebc49027c00: Waiting\n"
    "0ebc49027c00: Pushed\n"
    "1.2: digest: sha256:aa size: 855\n"
)


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An engine that answers a push with these messages, or with another status, and may break off or wait."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(path, Handler)
        self.messages: list[Any] = PUSHED
        self.status, self.breaks_off = 200, False
        self.waits: threading.Event | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Engine

    def do_GET(self) -> None:
        self._begin(200)
        self.wfile.write(b"0\r\n\r\n")

    def do_POST(self) -> None:
        login = json.loads(base64.urlsafe_b64decode(self.headers["X-Registry-Auth"]))
        self.server.asked.append((self.path, login))
        self._begin(self.server.status)
        for message in self.server.messages:
            line = json.dumps(message).encode() + b"\r\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        if self.server.waits is not None:
            self.server.waits.set()
            self.rfile.read(1)  # until the other end goes
            self.close_connection = True
        elif self.server.breaks_off:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _begin(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Api-Version", "1.51")
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder, Engine(f"{folder}/docker.sock") as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def port_with(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], WhalesDocker]]:
    """Return what makes a port whose docker is such a program of the system, which says nothing."""
    ports: list[WhalesDocker] = []
    environ = {"DOCKER_CONFIG": str(tmp_path / "docker"), "DOCKER_HOST": f"unix://{engine.server_address}"}

    def make(program: str) -> WhalesDocker:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "docker").symlink_to(str(shutil.which(program)))
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        port = WhalesDocker(PrivateConfig(environ, tmp_path), tmp_path, {})
        port.authorize(RegistryToken(HOST, "AWS", PASSWORD))
        ports.append(port)
        return port

    yield make
    for port in ports:
        port.close()


def test_a_push_is_told_in_docker_s_lines(
    port_with: Callable[[str], WhalesDocker], engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    port_with("false").push(REFERENCE)
    assert capfd.readouterr().err == TOLD
    login = {"username": "AWS", "password": PASSWORD, "serveraddress": HOST}
    assert engine.asked == [(f"/v1.51/images/{HOST}/team/app/push?tag=1.2", login)]


def test_what_the_registry_refuses_is_said_in_its_words(
    port_with: Callable[[str], WhalesDocker], engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    words = "denied: User: x is not authorized to perform: ecr:PutImage"
    engine.messages = [*PUSHED[:2], {"errorDetail": {"message": words}, "error": "less"}]
    with pytest.raises(AwsError, match="may not do ecr:PutImage"):
        port_with("true").push(REFERENCE)
    assert capfd.readouterr().err.endswith(f"{words}\n")
    assert len(engine.asked) == 1


@pytest.mark.parametrize("detail", [{"message": ""}, "denied", None, []])
def test_an_error_without_a_message_is_said_in_its_own_words(
    port_with: Callable[[str], WhalesDocker], engine: Engine, detail: object
) -> None:
    engine.messages = [{"errorDetail": detail, "error": "denied: no such right"}]
    with pytest.raises(RegistryError, match="no such right"):
        port_with("true").push(REFERENCE)


@pytest.mark.parametrize(
    "messages", [PUSHED[:2], *([*PUSHED[:2], odd] for odd in ("what", 3, {"status": "x", "progressDetail": "y"}))]
)
def test_what_breaks_off_docker_s_command_does_anew(
    port_with: Callable[[str], WhalesDocker], engine: Engine, messages: list[Any]
) -> None:
    engine.messages, engine.breaks_off = messages, True
    port = port_with("false")
    for _ in range(2):  # the second time without asking
        with pytest.raises(RegistryError):
            port.push(REFERENCE)
    assert len(engine.asked) == 1


def test_what_the_engine_refuses_docker_s_command_explains(
    port_with: Callable[[str], WhalesDocker], engine: Engine
) -> None:
    engine.status, engine.messages = 404, [{"message": "No such image"}]
    with pytest.raises(RegistryError):
        port_with("false").push(REFERENCE)
    assert len(engine.asked) == 1


def test_a_login_of_the_user_s_own_is_docker_s(port_with: Callable[[str], WhalesDocker], engine: Engine) -> None:
    port_with("true").push("other.example/app:1")
    assert engine.asked == []


def test_a_signature_that_ecr_can_t_have_is_named_once(
    port_with: Callable[[str], WhalesDocker],
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setenv("DOCKER_CONTENT_TRUST", "1")
    port = port_with("false")
    monkeypatch.setattr(port._retrier, "report", said.append)
    for _ in range(2):
        port.push(REFERENCE)
    assert len(engine.asked) == 2
    assert said == ["DOCKER_CONTENT_TRUST signs nothing here: ECR has no notary; `inv sign` does it"]


def test_an_interruption_ends_the_pushes_of_all_threads(
    port_with: Callable[[str], WhalesDocker], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.waits, engine.messages = threading.Event(), PUSHED[:2]
    port, found = port_with("true"), list[BaseException]()

    def push() -> None:
        try:
            port.push(REFERENCE)
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=push)
    thread.start()
    assert engine.waits.wait(30)
    monkeypatch.setattr(signals._State, "interrupted", True)
    engine_connection._interrupt_all()
    thread.join(30)
    assert [type(error) for error in found] == [KeyboardInterrupt]


def test_a_secret_of_the_user_s_in_the_registry_s_words_is_not_shown(
    port_with: Callable[[str], WhalesDocker], engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    engine.messages = [{"status": f"got {PASSWORD}"}, {"status": "::add-mask::x"}, *PUSHED[-1:]]
    port_with("false").push(REFERENCE)
    said = capfd.readouterr().err
    assert PASSWORD not in said
    assert "\n::add-mask::x" not in said
