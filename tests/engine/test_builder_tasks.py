"""Tests of the `builder` tasks with buildx's docker-container driver, whose BuildKit is the engine's own.

BuildKit's own image is nowhere to be had without an image registry. Here the container's `buildctl` leads to the
engine's BuildKit, and all the rest is buildx's and the engine's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.buildkit import buildkit_address
from tests.engine.conftest import docker
from tests.engine.project import Project, project

PLATFORMS = "linux/amd64,linux/arm64"
BUILDCTL = '#!/bin/sh\n[ "$1" != dial-stdio ] || exec nc 127.0.0.1 "$PORT"\n'
"""buildx asks it for its workers, to know whether BuildKit has started, and talks through it."""


@pytest.fixture
def image(engine: dict[str, str], tiny_base: str, tmp_path: Path) -> Iterator[str]:
    """Return the image that buildx starts in a container."""
    folder, name = tmp_path / "image", f"local/{uuid.uuid4()}:1"
    folder.mkdir()
    (folder / "buildctl").write_text(BUILDCTL, encoding="utf-8")
    (folder / "buildkitd").write_text("#!/bin/sh\nsleep 600\n", encoding="utf-8")
    (folder / "Dockerfile").write_text(
        f'FROM {tiny_base}\nCOPY --chmod=755 buildctl buildkitd /bin/\nENTRYPOINT ["buildkitd"]\n', encoding="utf-8"
    )
    docker(engine, "build", "--quiet", "--provenance=false", "--tag", name, str(folder))
    yield name
    docker(engine, "image", "rm", "--force", name)


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr) -> Project:
    environ = {**engine, **local_ecr.environment(), "BUILDX_CONFIG": str(tmp_path / "buildx")}
    environ |= {"ECR_CREATE_REPOSITORY": "true", "ECR_BUILDER": f"test-{uuid.uuid4()}", "ECR_PLATFORMS": PLATFORMS}
    return project(tmp_path / "app", environ, "FROM scratch\nARG TARGETARCH\nCOPY hello.txt /$TARGETARCH\n")


def test_a_builder_in_a_container_is_created_builds_two_platforms_and_is_removed(app: Project, image: str) -> None:
    name = app.environ["ECR_BUILDER"]
    host = app.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    with buildkit_address(host.removeprefix("unix://")) as address:
        port = address.rpartition(":")[2]
        options = [f"image={image}", "network=host", f"env.PORT={port}"]
        words = ["builder.create", *(word for option in options for word in ("--option", option))]
        try:
            created = app.ok(*words)
            assert f"{name}: created, driver docker-container" in created.stderr
            assert f"{name}: is there already" in app.ok(*words).stderr
            shown = json.loads(app.ok("builder.show", "--json").stdout)
            assert (shown["driver"], shown["nodes"][0]["status"]) == ("docker-container", "running")
            built = app.ok("build")
            assert f'building with "{name}" instance using docker-container driver' in built.stderr
            digest = app.receipt["images"][0]["digest"]
            (reference,) = app.ok("push").lines
            assert reference.endswith(f"@{digest}")
            assert app.receipt["images"][0]["platforms"] == PLATFORMS.split(",")
        finally:
            removed = app.inv("builder.remove", "--yes")
    assert f"{name}: removed" in removed.stderr
    assert docker(app.environ, "ps", "--all", "--quiet", "--filter", f"name={name}").stdout == ""
    assert docker(app.environ, "volume", "ls", "--quiet", "--filter", f"name={name}").stdout == ""
    assert app.inv("builder.show").code == 3
