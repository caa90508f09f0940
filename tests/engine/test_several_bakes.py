"""Tests with a real engine: so many targets that they are built in two bakes, and the second one waits for us."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.plan.batches import MOST
from tests.engine.project import Project, project

NAMES = ["web", "api", "job"]
LAST = NAMES[-1]
ARCHITECTURES = ("amd64", "amd64/v2", "amd64/v3", "amd64/v4", "386", "arm/v5", "arm/v6", "arm/v7", "arm64", "loong64")
OTHERS = ("mips", "mipsle", "mips64", "mips64le", "ppc64", "ppc64le", "riscv64", "s390x", "sparc64", "wasm")
PLATFORMS = [f"linux/{name}" for name in (*ARCHITECTURES, *OTHERS)]
"""Those of two images fill a bake: each counts as a target."""
SECONDS = 60


@dataclass
class File:
    """What the build of the last image adds from a URL; ``answer`` returns the HTTP status, when it likes."""

    answer: Callable[[], int] = lambda: 200
    problems: list[str] = field(default_factory=list)


@pytest.fixture
def file() -> File:
    return File()


@pytest.fixture
def url(file: File) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                self.send_response(file.answer())
            except AssertionError as error:
                file.problems.append(str(error))
                self.send_response(500)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"text\n")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, url: str) -> Project:
    (temporary := tmp_path / "temporary").mkdir()
    own = {"ECR_REPOSITORY_PREFIX": "team/", "TMPDIR": str(temporary)}
    app = project(tmp_path / "app", {**engine, **local_ecr.environment(), **own}, "")
    (app.folder / "Dockerfile").unlink()
    app.name = ""
    api = boto3.Session("AKIALOCAL", "none", region_name=local_ecr.region).client(
        "ecr", endpoint_url=local_ecr.endpoint
    )
    assert 2 * len(PLATFORMS) == MOST
    for name in NAMES:
        app.write(f"{name}/Dockerfile", f"FROM scratch\nCOPY hello.txt /{name}.txt\n")
        app.write(f"{name}/hello.txt", f"{name} {url}")
        api.create_repository(repositoryName=f"team/{name}")
    app.write(f"{LAST}/Dockerfile", f"FROM scratch\nADD {url}/{LAST} /\n")
    target: dict[str, dict[str, object]] = {name: {"context": name, "platforms": PLATFORMS} for name in NAMES}
    target[LAST] = {"context": LAST}
    app.write("docker-bake.json", json.dumps({"group": {"default": {"targets": NAMES}}, "target": target}))
    app.commit()
    return app


def outcomes(app: Project) -> dict[str, str]:
    return {image["name"]: image["outcome"] for image in app.receipt["images"]}


def wait_for_a_push(local_ecr: LocalEcr) -> None:
    end = time.monotonic() + SECONDS
    while not local_ecr.requests().get("PUT manifest"):
        assert time.monotonic() < end, "nothing is pushed while the last image is built"
        time.sleep(0.05)


def test_the_first_bake_is_published_while_the_second_is_built_and_also_if_that_fails(
    app: Project, local_ecr: LocalEcr, file: File
) -> None:
    def refuse() -> int:
        wait_for_a_push(local_ecr)
        return 404

    file.answer = refuse
    result = app.inv("build", "push")
    assert file.problems == []
    assert result.code == 3, result.stderr
    assert f"1 of {len(NAMES)} images failed ({len(NAMES) - 1} are published):" in result.stderr
    assert [line.partition("@")[0].rpartition("/")[2] for line in result.lines] == NAMES[:-1]
    assert outcomes(app) == {**dict.fromkeys(NAMES, "published"), LAST: "failed"}
    file.answer = lambda: 200
    again = app.ok("build", "push")
    assert len(again.lines) == len(NAMES)
    assert "job: pushed" in again.stderr
    assert "web: pushed" not in again.stderr


def test_an_interruption_of_the_second_bake_leaves_nothing_half_done(
    app: Project, local_ecr: LocalEcr, file: File
) -> None:
    running: list[subprocess.Popen[str]] = []
    ended = threading.Event()

    def interrupt() -> int:
        wait_for_a_push(local_ecr)
        running[0].send_signal(signal.SIGINT)
        ended.wait(SECONDS)
        return 500

    file.answer = interrupt
    with app.start("build", "push") as process:
        running.append(process)
        stdout, stderr = process.communicate(timeout=4 * SECONDS)
        ended.set()
    assert file.problems == []
    assert (process.returncode, stdout) == (130, ""), stderr
    assert "Traceback" not in stderr
    assert list(Path(app.environ["TMPDIR"]).iterdir()) == []
    before = outcomes(app)
    assert before[LAST] == "not-begun"
    file.answer = lambda: 200
    app.ok("build", "push")
    assert set(outcomes(app).values()) == {"published"}
