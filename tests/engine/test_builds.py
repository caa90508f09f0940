"""Tests of builds with a real engine: build settings, large and multi-platform images, both image stores."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker, forget_step
from tests.engine.project import Project, project

MULTI_PLATFORM_DOCKERFILE = """\
FROM --platform=$BUILDPLATFORM {base} AS made
ARG TARGETARCH
RUN echo $TARGETARCH > /arch
FROM scratch
COPY --from=made /arch /arch
"""


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    return app


def manifest(app: Project, reference: str) -> dict[str, object]:
    """Return the manifest of a reference in the registry."""
    app.ok("login")
    document: dict[str, object] = json.loads(
        docker(app.environ, "buildx", "imagetools", "inspect", "--raw", reference).stdout
    )
    app.ok("logout")
    return document


def run_container(app: Project, reference: str, *command: str) -> str:
    """Run a command in a container of an image and return its output."""
    return docker(app.environ, "run", "--rm", reference, *command).stdout


def test_all_build_settings_reach_the_build(app: Project, tmp_path: Path, tiny_base: str) -> None:
    """With secrets and arguments from .env, and a build context outside the project."""
    app.write(
        "deploy/Dockerfile.app",
        f"""FROM {tiny_base} AS wanted
ARG GREETING
ARG NAME
COPY --from=more extra.txt /extra.txt
RUN --mount=type=secret,id=key echo "$GREETING $NAME $(cat /run/secrets/key | wc -c)" > /said
FROM wanted AS other
RUN echo other > /said
""",
    )
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "extra.txt").write_text("extra\n", encoding="utf-8")
    app.write(
        ".env",
        f"""ECR_DOCKERFILE=deploy/Dockerfile.app
ECR_TARGET=wanted
NAME=Ada
ECR_BUILD_CONTEXTS=more={outside}
ECR_SECRETS=id=key,env=SECRET_KEY
SECRET_KEY=12345678
""",
    )
    result = app.ok("build", "push", ECR_BUILD_ARGS="GREETING=good ${day}, friend\nNAME")
    reference = result.lines[0]
    assert run_container(app, reference, "cat", "/said", "/extra.txt") == "good ${day}, friend Ada 8\nextra\n"
    history = docker(app.environ, "history", "--no-trunc", reference).stdout
    assert "12345678" not in history + result.stderr + json.dumps(app.receipt)


def test_an_index_with_attestations_is_pushed_as_it_was_built(
    app: Project, tiny_base: str, sbom_scanner: str
) -> None:
    """The index has both platforms and both attestations."""
    app.write("Dockerfile", MULTI_PLATFORM_DOCKERFILE.format(base=tiny_base))
    app.commit()
    app.ok("build", ECR_PLATFORMS="linux/amd64,linux/arm64", ECR_PRESET="supply-chain")
    built = app.receipt["images"][0]["digest"]
    reference = app.ok("push", ECR_PLATFORMS="linux/amd64,linux/arm64", ECR_PRESET="supply-chain").lines[0]
    assert reference.endswith(built)
    image = app.receipt["images"][0]
    assert image["platforms"] == ["linux/amd64", "linux/arm64"]
    assert image["size"] > 0
    index = manifest(app, reference)
    children = index["manifests"]
    assert isinstance(children, list)
    platforms = [f"{child['platform']['os']}/{child['platform']['architecture']}" for child in children]
    assert sorted(platforms) == ["linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown"]
    annotations = index["annotations"]
    assert isinstance(annotations, dict)
    assert annotations["org.opencontainers.image.revision"] == app.git("rev-parse", "HEAD")


@pytest.mark.parametrize("preset", ["default", "lambda"])
def test_one_platform_is_one_oci_manifest(app: Project, preset: str) -> None:
    reference = app.ok("build", "push", ECR_PRESET=preset).lines[0]
    assert manifest(app, reference)["mediaType"] == "application/vnd.oci.image.manifest.v1+json"


def test_the_same_commit_gives_the_same_bytes(app: Project) -> None:
    app.ok("build")
    first = app.receipt["images"][0]["digest"]
    app.ok("build")
    assert app.receipt["images"][0]["digest"] == first


def test_a_large_image_is_built_and_pushed(app: Project, debian_base: str) -> None:
    app.write("Dockerfile", f"FROM {debian_base}\nCOPY hello.txt /\nRUN python3 -c 'print(6 * 7)' > /answer\n")
    app.commit()
    reference = app.ok("build", "push").lines[0]
    assert run_container(app, reference, "cat", "/answer") == "42\n"
    inspected = json.loads(docker(app.environ, "image", "inspect", debian_base).stdout)[0]
    assert inspected["Size"] > 40_000_000


def test_a_cache_in_the_repository_is_used_by_the_next_build(app: Project, tiny_base: str) -> None:
    copy = f"COPY hello.txt /{uuid.uuid4()}"
    app.write("Dockerfile", f"FROM {tiny_base}\n{copy}\n")
    app.commit()
    app.ok("build", "push", ECR_CACHE="registry")
    forget_step(app.environ, f"[2/2] {copy}")
    app.commit("the same sources")
    result = app.ok("build", "push", ECR_CACHE="registry", ECR_SKIP="never")
    assert "importing cache manifest" in result.stderr
    assert "CACHED" in result.stderr


def test_each_target_of_a_bake_file_is_an_image(app: Project, tiny_base: str) -> None:
    app.write(
        "docker-bake.hcl",
        """group "default" { targets = ["api", "worker"] }
target "api" {
  dockerfile-inline = "FROM BASE\\nRUN echo api > /who"
  labels = { part = "api" }
}
target "worker" {
  dockerfile-inline = "FROM BASE\\nARG X\\nRUN echo worker $X > /who"
  args = { X = "1" }
}
""".replace("BASE", tiny_base),
    )
    app.commit()
    result = app.inv("build", "push", ECR_REPOSITORY="", ECR_REPOSITORY_PREFIX="team")
    assert result.code == 0, result.stderr
    api, worker = result.lines
    assert "/team/api@" in api
    assert "/team/worker@" in worker
    assert run_container(app, api, "cat", "/who") == "api\n"
    assert run_container(app, worker, "cat", "/who") == "worker 1\n"
    app.write("docker-bake.hcl", 'target "api" { args = {')
    result = app.inv("plan", ECR_REPOSITORY="", ECR_REPOSITORY_PREFIX="team")
    assert result.code == 3
    assert result.stderr.strip().splitlines()[-1].startswith("Mend docker-bake.hcl; ")
    second = app.inv("build", "push", ECR_REPOSITORY="", ECR_REPOSITORY_PREFIX="team")
    assert second.lines == result.lines
    assert "building with" not in second.stderr


@pytest.fixture
def classic(tmp_path: Path, classic_engine: dict[str, str], local_ecr: LocalEcr, classic_tiny_base: str) -> Project:
    classic = project(
        tmp_path / "classic",
        {**classic_engine, **local_ecr.environment()},
        f"FROM {classic_tiny_base}\nCOPY hello.txt /\n",
    )
    classic.environ["ECR_CREATE_REPOSITORY"] = "true"
    return classic


def test_the_classic_store_builds_pushes_and_pulls(classic: Project) -> None:
    classic.ok("build")
    pushed, pulled = classic.ok("push", "pull").lines
    assert pushed == pulled
    assert run_container(classic, pushed, "cat", "/hello.txt") == "hello\n"
    assert classic.ok("build", "push").lines == [pushed]


def test_the_plan_names_what_the_classic_store_cannot_keep(classic: Project) -> None:
    planned = classic.inv("plan", "--json", ECR_PLATFORMS="linux/amd64,linux/arm64")
    assert planned.code == 6
    conflicts = json.loads(planned.stdout)["conflicts"]
    assert "classic image store" in conflicts[0]["cause"]
    result = classic.inv("build", "push", ECR_PRESET="supply-chain")
    assert result.code == 3
    assert "containerd image store" in result.stderr
    assert "building with" not in result.stderr


def test_the_labels_of_a_classic_store_s_images_tell_settings_and_the_newer_commit(classic: Project) -> None:
    """docker's classic store pushes manifests without annotations."""
    first = classic.git("rev-parse", "HEAD")
    older = classic.ok("build", "push").lines[0].partition("@")[2]
    result = classic.ok("build", "push", ECR_BUILD_ARGS="COLOUR=red")
    assert f"sha-{first[:7]} was built with other build arguments than the settings have now" in result.stderr
    again = classic.ok("build", "push", "--republish", ECR_BUILD_ARGS="COLOUR=red").lines[0].partition("@")[2]
    assert again != older
    classic.write("hello.txt", "second\n")
    second = classic.commit()
    newer = classic.ok("build", "push").lines[0].partition("@")[2]
    classic.git("reset", "--quiet", "--hard", first)
    result = classic.ok("build", "push", ECR_BUILD_ARGS="COLOUR=red")
    assert result.lines[0].endswith(again)
    assert f"main stays with {newer[:19]}, which is newer: built from {second[:12]}" in result.stderr
