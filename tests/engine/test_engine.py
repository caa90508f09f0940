"""Tests of the engines of script/engine: image stores, builds, containers and pushes."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.engine.conftest import docker
from tests.support.scripts import script

MULTI_PLATFORM_DOCKERFILE = """\
FROM --platform=$BUILDPLATFORM {base} AS build
ARG TARGETPLATFORM
RUN echo "$TARGETPLATFORM" >/platform
FROM scratch
COPY --from=build /platform /platform
"""


@pytest.fixture
def registry(clients_path: str, engine: Mapping[str, str], tmp_path: Path) -> Iterator[str]:
    """Start distribution's registry and return its host and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}},
        "http": {"addr": host},
    }
    (tmp_path / "registry.yml").write_text(json.dumps(settings), encoding="utf-8")
    server = subprocess.Popen(
        ["docker-registry", "serve", str(tmp_path / "registry.yml")],
        env={**engine, "PATH": clients_path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{host}/v2/").close()
                break
            except OSError:
                time.sleep(0.05)
        yield host
    finally:
        server.terminate()
        server.wait()


def image_store(environ: Mapping[str, str]) -> str:
    """Return the driver status of the image store."""
    return docker(environ, "info", "--format", "{{json .DriverStatus}}").stdout


def bake(environ: Mapping[str, str], folder: Path, target: dict[str, object]) -> dict[str, object]:
    """Build a target and return the metadata that buildx writes."""
    definition = {"target": {"image": {"context": str(folder), **target}}}
    (folder / "bake.json").write_text(json.dumps(definition), encoding="utf-8")
    docker(
        *(environ, "buildx", "bake", "--file", "bake.json", "--metadata-file", "metadata.json"),
        *("--progress", "plain", "image"),
        cwd=folder,
    )
    metadata: dict[str, dict[str, object]] = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    return metadata["image"]


def test_the_engine_keeps_images_in_containerd(engine: Mapping[str, str]) -> None:
    assert "io.containerd.snapshotter" in image_store(engine)


def test_the_classic_engine_does_not_keep_images_in_containerd(classic_engine: Mapping[str, str]) -> None:
    assert "io.containerd.snapshotter" not in image_store(classic_engine)


def test_both_have_buildx(engine: Mapping[str, str], classic_engine: Mapping[str, str]) -> None:
    assert "buildx" in docker(engine, "buildx", "version").stdout
    assert "running" in docker(classic_engine, "buildx", "ls").stdout


@pytest.mark.parametrize("store", ["engine", "classic_engine"])
def test_builds_and_containers_run(
    store: str, tiny_base: str, classic_tiny_base: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    environ: dict[str, str] = request.getfixturevalue(store)
    base = {"engine": tiny_base, "classic_engine": classic_tiny_base}[store]
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nRUN echo made >/by-a-step\n", encoding="utf-8")
    bake(environ, tmp_path, {"tags": ["ecr-tasks-test/step:1"], "output": ["type=docker"]})
    try:
        result = docker(environ, "run", "--rm", "ecr-tasks-test/step:1", "cat", "/by-a-step")
        assert result.stdout == "made\n"
    finally:
        docker(environ, "image", "rm", "ecr-tasks-test/step:1")


def test_a_published_port_of_a_container_answers(engine: Mapping[str, str], debian_base: str) -> None:
    server = ("python3", "-m", "http.server", "8000", "--directory", "/etc")
    container = docker(
        engine, "run", "--detach", "--rm", "--publish", "127.0.0.1::8000", debian_base, *server
    ).stdout.strip()
    try:
        address = docker(engine, "port", container, "8000").stdout.strip()
        for _ in range(100):
            try:
                with urllib.request.urlopen(f"http://{address}/passwd") as answer:
                    assert answer.read().startswith(b"root:")
                break
            except OSError:
                time.sleep(0.05)
        else:
            pytest.fail(docker(engine, "logs", container).stderr)
    finally:
        docker(engine, "rm", "--force", container)


def test_several_platforms_with_attestations_are_pushed_digest_for_digest(
    engine: Mapping[str, str],
    tiny_base: str,
    sbom_scanner: str,
    registry: str,
    clients_path: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "Dockerfile").write_text(MULTI_PLATFORM_DOCKERFILE.format(base=tiny_base), encoding="utf-8")
    tag = f"{registry}/several:1"
    built = bake(
        engine,
        tmp_path,
        {
            "tags": [tag],
            "platforms": ["linux/amd64", "linux/arm64"],
            "attest": ["type=provenance,mode=max", "type=sbom"],
            "output": ["type=docker"],
        },
    )["containerimage.digest"]
    try:
        docker(engine, "push", tag)
        index = json.loads(
            subprocess.run(
                ["crane", "manifest", tag],
                env={**engine, "PATH": clients_path},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        digest = subprocess.run(
            ["crane", "digest", tag], env={**engine, "PATH": clients_path}, capture_output=True, text=True, check=True
        ).stdout.strip()
    finally:
        docker(engine, "image", "rm", tag)
    assert digest == built
    platforms = [manifest["platform"]["architecture"] for manifest in index["manifests"]]
    assert sorted(platforms) == ["amd64", "arm64", "unknown", "unknown"]


def test_start_prints_only_shell_lines_and_takes_a_few_docker_calls(engine: Mapping[str, str]) -> None:
    start_time = time.monotonic()
    docker(engine, "version")
    call_end = time.monotonic()
    lines = script("engine", "start").splitlines()
    script_end = time.monotonic()
    assert all(line.startswith(("export ", "unset ")) for line in lines)
    seconds, one_call = script_end - call_end, call_end - start_time
    assert seconds < 25 * one_call, f"{seconds:.2f} s instead of a few docker calls of {one_call:.2f} s"
