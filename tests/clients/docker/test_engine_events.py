"""What an engine tells while it builds, at its socket: whatever that is, it never stops the build."""

from __future__ import annotations

import json
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.command_line import CommandLine
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.engine_api import EngineApi
from ecr_tasks.errors import BuildError

FILTERS = {"type": ["image"], "event": ["tag"]}


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An engine that tells these lines, and then nothing more until the other end goes."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(path, Handler)
        self.lines: list[bytes] = []
        self.status = 200
        self.asked: list[str] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """The other end has gone."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Engine

    def do_GET(self) -> None:
        is_ping = self.path == "/_ping"
        self.send_response(200 if is_ping else self.server.status)
        self.send_header("Api-Version", "1.51")
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if not is_ping:
            self.server.asked.append(self.path)
            for line in self.server.lines:
                self.wfile.write(f"{len(line) + 1:x}\r\n".encode() + line + b"\n\r\n")
            if self.server.status == 200:
                self.rfile.read(1)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def engine() -> Iterator[Engine]:
    folder = tempfile.mkdtemp()  # a socket's path is short
    server = Engine(f"{folder}/engine")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
    shutil.rmtree(folder)


@pytest.fixture
def api(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineApi:
    monkeypatch.setattr(CommandLine, "engine_socket", lambda self: str(engine.server_address))
    return EngineApi(CommandLine(PrivateConfig({}, tmp_path), tmp_path))


def test_each_event_is_heard_until_the_block_ends(engine: Engine, api: EngineApi) -> None:
    engine.lines = [json.dumps({"number": number}).encode() for number in range(3)]
    heard: list[Any] = []
    enough = threading.Event()

    def hear(event: Any) -> None:
        heard.append(event["number"])
        if len(heard) == 3:
            enough.set()

    with api.listening(FILTERS, hear):
        assert enough.wait(30)
    assert heard == [0, 1, 2]
    assert "filters=%7B%22type%22" in engine.asked[0]


@pytest.mark.parametrize("lines", [[b"no JSON"], [b"[1]"], [b"{}"]])
def test_odd_events_end_nothing(engine: Engine, api: EngineApi, lines: list[bytes]) -> None:
    engine.lines = lines
    with api.listening(FILTERS, lambda event: event["Actor"]["ID"]):
        ended = True
    assert ended


@pytest.mark.parametrize("moved_after", ["nothing", "the event", "the document"])
def test_an_image_is_looked_at_as_soon_as_it_has_its_name(
    moved_after: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for by that name, and by its id once another run has given the name to an image of its own.

    What is named otherwise is not looked at, and what was looked at is not asked for again.
    """
    asked: list[str] = []
    looked = threading.Event()

    def document(self: EngineApi, path: str, query: object = None) -> Any:
        asked.append(path)
        _, _, name, kind = path.split("/")
        moved_for = {"nothing": (), "the event": ("json", "history"), "the document": ("history",)}[moved_after]
        is_moved = name == "ours:1" and kind in moved_for
        image_id = "sha256:theirs" if is_moved else "sha256:ours"
        if kind == "history":
            looked.set()
            return [{"CreatedBy": "CMD run", "Id": image_id}, {"CreatedBy": "ENV A=b", "Id": "<missing>"}]
        if is_moved:
            looked.set()
        return {"Id": image_id, "Config": {"Env": ["A=c" if is_moved else "A=b"]}, "Size": 8 if is_moved else 7}

    @contextmanager
    def listening(self: EngineApi, filters: object, hear: Callable[[Any], None]) -> Iterator[None]:
        for image_id, name in (("sha256:other", "other:1"), ("sha256:ours", "ours:1"), ("sha256:ours", "ours:1")):
            hear({"Actor": {"ID": image_id, "Attributes": {"name": name}}})
        assert looked.wait(30)
        yield

    monkeypatch.setattr(EngineApi, "listening", listening)
    monkeypatch.setattr(EngineApi, "document", document)
    port = WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {})
    with port.looking_ahead({"ours:1"}):
        pass
    by_name = ["/images/ours:1/json", "/images/ours:1/history"][: 1 if moved_after == "the event" else 2]
    assert asked == by_name
    assert port.image_configs(["sha256:ours"], None)["sha256:ours"].environment == {"A": "b"}
    assert port.content_size("sha256:ours") == 7
    by_id = [] if moved_after == "nothing" else ["/images/sha256:ours/json", "/images/sha256:ours/history"]
    assert asked[len(by_name) :] == by_id


def test_an_engine_that_tells_no_events_is_asked_on(engine: Engine, api: EngineApi) -> None:
    engine.status = 403
    heard: list[Any] = []
    with api.listening(FILTERS, heard.append):
        answer = api.ask("GET", "/other")
    assert heard == []
    assert answer is not None
    assert answer.status == 403


def test_the_error_of_what_runs_meanwhile_is_not_lost(api: EngineApi) -> None:
    with pytest.raises(BuildError), api.listening(FILTERS, print):
        raise BuildError("A step failed.", "See above.")
