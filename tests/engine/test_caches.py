"""Tests of build caches in ECR: who writes which, and what another engine reads, which shares nothing else."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

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


def cache_manifest(client: HttpClient, tag: str) -> Any:
    answer = client.send("GET", f"/v2/team/app/manifests/{tag}")
    return answer.json() if answer.status == 200 else None


def test_a_branch_writes_its_own_cache_and_a_change_or_a_run_without_credentials_writes_none(
    engine: dict[str, str], tmp_path: Path, local_ecr: LocalEcr
) -> None:
    keys = local_ecr.environment()
    app = project(tmp_path / "app", {**engine, **keys, "ECR_CACHE": "registry"}, "FROM scratch\nCOPY hello.txt /\n")
    client = HttpClient.logged_in(local_ecr)

    def build(**environ: str) -> str:
        app.write("hello.txt", f"{uuid.uuid4()}\n")
        app.commit()
        return app.ok("build", **environ).stderr

    def caches() -> list[Any]:
        return [cache_manifest(client, tag) for tag in ("buildcache", "buildcache-feature-x")]

    app.ok("build", "push", ECR_CREATE_REPOSITORY="true")
    default, none = caches()
    assert (default is None, none) == (False, None)

    app.git("checkout", "--quiet", "-b", "feature/x")
    build()
    assert caches()[0] == default
    branchs = caches()[1]
    assert branchs is not None

    changed = build(ECR_PULL_REQUEST="7")
    assert "The build cache is only read, because this run belongs to a pull request" in changed
    without = build(**dict.fromkeys(keys, ""), AWS_EC2_METADATA_DISABLED="true")
    assert "The build cache in ECR is left out: " in without
    assert "importing cache" not in without
    assert caches() == [default, branchs]

    # What can't be read is said, and the build writes it anew.
    (blob,) = local_ecr.root.glob(f"blobs/*/*/{branchs['config']['digest'].partition(':')[2]}")
    blob.write_bytes(b"{}")
    assert "buildcache-feature-x was not read: " in build()
    assert caches()[1] not in (branchs, None)


def test_a_change_writes_no_cache_of_a_bake_file(engine: dict[str, str], tmp_path: Path, local_ecr: LocalEcr) -> None:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, "FROM scratch\nCOPY hello.txt /\n")
    client = HttpClient.logged_in(local_ecr)
    app.ok("build", "push", ECR_CREATE_REPOSITORY="true")
    entry = f"type=registry,ref={local_ecr.registry}/team/app:own,mode=max"
    app.write("docker-bake.hcl", f'target "default" {{\n  cache-to = ["{entry}"]\n}}\n')
    app.write("hello.txt", f"{uuid.uuid4()}\n")
    app.commit()
    app.environ["ECR_BAKE_FILE"] = "docker-bake.hcl"
    changed = app.ok("build", ECR_PULL_REQUEST="7").stderr
    assert "The build cache is only read, because this run belongs to a pull request" in changed
    assert cache_manifest(client, "own") is None
    app.ok("build")
    assert cache_manifest(client, "own") is not None


def test_a_cache_is_not_written_over_a_tag_of_the_run(
    engine: dict[str, str], tmp_path: Path, local_ecr: LocalEcr
) -> None:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, "FROM scratch\nCOPY hello.txt /\n")
    client = HttpClient.logged_in(local_ecr)
    app.ok("build", "push", ECR_CREATE_REPOSITORY="true")
    image = cache_manifest(client, "main")
    app.write("hello.txt", f"{uuid.uuid4()}\n")
    app.commit()
    place = f"{local_ecr.registry}/team/app"
    for words in (("build",), ("build", "push")):
        refused = app.inv(*words, ECR_CACHE=f"type=registry,ref={place}:main")
        assert refused.code == 6
        assert f"team/app would write its build cache as {place}:main, a tag that this run gives" in refused.stderr
    assert cache_manifest(client, "main") == image
    app.ok("build", "push", ECR_CACHE=f"type=registry,ref={place}:other")
    assert cache_manifest(client, "other") is not None
