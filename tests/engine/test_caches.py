"""Tests of a build cache in ECR between two engines, which share nothing else."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import project
from tests.local_ecr.http_client import HttpClient


def test_a_new_branch_reads_the_default_branchs_cache_on_another_engine(
    engine: dict[str, str], classic_engine: dict[str, str], tiny_base: str, tmp_path: Path, local_ecr: LocalEcr
) -> None:
    step = f'RUN ["/bin/sh", "-c", "echo {uuid.uuid4()} >/made"]'
    dockerfile = f"FROM scratch\nCOPY busybox /bin/sh\n{step}\nCOPY hello.txt /\n"
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    app = project(tmp_path / "app", environ, dockerfile)
    container = docker(engine, "create", tiny_base).stdout.strip()
    docker(engine, "cp", f"{container}:/bin/busybox", str(app.folder / "busybox"))
    docker(engine, "rm", container)
    app.commit()
    app.ok("build", "push", ECR_CACHE="registry", ECR_CACHE_COMPRESSION="zstd")
    cache = HttpClient.logged_in(local_ecr).send("GET", "/v2/team/app/manifests/buildcache").json()
    assert {layer["mediaType"].rpartition("+")[2] for layer in cache["layers"]} == {"zstd"}
    app.git("checkout", "--quiet", "-b", "work")
    app.write("hello.txt", f"{uuid.uuid4()}\n")
    app.commit()
    app.environ |= {name: value for name, value in classic_engine.items() if name.startswith("DOCKER_")}
    built = app.ok("build", "push", ECR_CACHE_FROM="registry").stderr  # its store can't write a cache
    number = re.search(rf"^(#\d+) .*{re.escape(step)}$", built, re.M)
    assert number, built
    assert f"{number[1]} CACHED" in built
