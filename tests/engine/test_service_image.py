"""The image of the local ECR that wrappers/local-ecr/ starts as a service: built, run, and pushed to."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import project
from tests.support.wrappers import WRAPPERS

FILES = WRAPPERS / "local-ecr"


@pytest.fixture
def image(engine: dict[str, str], debian_base: str) -> str:
    """Return the service's image, on a Debian with Python instead of python:3-slim."""
    build = ("build", "--quiet", "--build-arg", f"PYTHON={debian_base}", "-f", str(FILES / "Dockerfile"))
    return docker(engine, *build, str(WRAPPERS.parent)).stdout.strip()


@pytest.fixture
def service(engine: dict[str, str], image: str) -> Iterator[str]:
    """Yield the address of the running service, once its own health check finds it healthy."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"localhost:{free.getsockname()[1]}"
    publish = f"127.0.0.1:{address.partition(':')[2]}:5000"
    container = docker(engine, "run", "-d", "--rm", "-p", publish, image, "--advertise", address).stdout.strip()
    try:
        state = f"docker inspect -f '{{{{.State.Health.Status}}}}' {container}"
        wait = f"until [ $({state}) = healthy ]; do sleep .2; done"
        subprocess.run(["sh", "-c", wait], env=engine, check=True, timeout=120)
        yield address
    finally:
        docker(engine, "rm", "-f", "-v", container)


def test_a_main_job_publishes_to_it(
    tmp_path: Path, engine: dict[str, str], service: str, local_ecr: LocalEcr, tiny_base: str
) -> None:
    settings = json.loads((FILES / "devcontainer.json").read_text("utf-8"))["remoteEnv"]
    settings |= {name: f"http://{service}" for name in settings if name.startswith("AWS_ENDPOINT_URL_")}
    app = project(tmp_path / "app", {**engine, **local_ecr.environment(), **settings}, f"FROM {tiny_base}\n")
    pushed, pulled = app.ok("build", "push", "pull", ECR_CREATE_REPOSITORY="true").lines
    assert pushed == pulled
    assert pushed.startswith(f"{service}/team/app@sha256:")
    assert local_ecr.requests() == {}


def test_compose_reads_its_files(engine: dict[str, str], clients_path: str) -> None:
    files = [f"--file={FILES / name}" for name in ("compose.yaml", "devcontainer.compose.yaml")]
    words = ["docker-compose", *files, "config", "--format=json"]
    done = subprocess.run(words, env={**engine, "PATH": clients_path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert services["app"]["network_mode"] == "service:ecr"
    assert services["ecr"]["ports"][0]["host_ip"] == "127.0.0.1"
