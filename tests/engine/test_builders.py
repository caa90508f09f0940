"""Tests of a builder outside the engine, with both image stores: its images are loaded, pushed and found again."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.buildkit import buildkit_address
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.local_ecr.http_client import HttpClient


@pytest.fixture
def buildkit(engine: dict[str, str]) -> Iterator[str]:
    """Return an address of a BuildKit for buildx's remote driver: that of the engine with containerd's store."""
    host = engine.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        pytest.skip("the engine is on another machine")
    with buildkit_address(host.removeprefix("unix://")) as address:
        yield f"tcp://{address}"


@pytest.fixture(params=["engine", "classic_engine"])
def app(request: pytest.FixtureRequest, tmp_path: Path, local_ecr: LocalEcr, buildkit: str) -> Project:
    """Return a project with a builder beside its engine, whose images are loaded as docker-container's are."""
    environ = {**request.getfixturevalue(request.param), **local_ecr.environment()}
    environ |= {"BUILDX_CONFIG": str(tmp_path / "buildx"), "ECR_CREATE_REPOSITORY": "true", "ECR_BUILDER": "beside"}
    app = project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")
    docker(environ, "buildx", "create", "--name", "beside", "--driver", "remote", buildkit)
    return app


one_store = pytest.mark.parametrize("app", ["engine"], indirect=True)
"""Of a test for which it is the same how the engine keeps images, or that has none."""


def test_each_commit_is_pushed_under_every_tag(app: Project) -> None:
    """One that an earlier run has built, then one that is built and pushed by the same run."""
    app.ok("build")
    pushed = app.ok("push")
    assert "building with" not in pushed.stderr
    assert len(app.receipt["images"][0]["published"][0]["tags"]) == 2
    assert app.receipt["images"][0]["published"][0]["state"] == "pushed"
    container = docker(app.environ, "create", app.ok("pull").lines[0], "none").stdout.strip()
    docker(app.environ, "cp", f"{container}:/hello.txt", str(app.folder.parent / "copied.txt"))
    docker(app.environ, "rm", container)
    assert (app.folder.parent / "copied.txt").read_text("utf-8") == (app.folder / "hello.txt").read_text("utf-8")
    app.write("hello.txt", "hello again\n")
    app.commit()
    result = app.ok("build", "push")
    assert 'building with "beside" instance using remote driver' in result.stderr
    (image,) = app.receipt["images"]
    (published,) = image["published"]
    assert (published["state"], len(published["tags"])) == ("pushed", 2)
    assert result.lines == [published["reference"]] != pushed.lines
    assert published["reference"].endswith(image["digest"])
    second = app.ok("build", "push")
    assert second.lines == result.lines
    assert "building with" not in second.stderr


PLATFORMS = "linux/amd64,linux/arm64"
ATTESTED = """target "app" {
  context = "."
  attest = ["type=provenance,mode=max"]
}
group "default" {
  targets = ["app"]
}
"""


@pytest.fixture
def platforms_app(request: pytest.FixtureRequest, app: Project, buildkit: str) -> Project:
    """Return the same project for two platforms: beside one engine one node builds them, beside the other two."""
    app.environ["ECR_PLATFORMS"] = PLATFORMS
    if "classic_engine" in request.node.callspec.params.values():
        node = ["--append", "--name", "beside", "--node", "second", "--platform", "linux/arm64"]
        docker(
            app.environ, "buildx", "create", *node, "--driver", "remote", buildkit.replace("127.0.0.1", "localhost")
        )
    return app


def built(app: Project) -> dict[str, Any]:
    """Return what the receipt says about the build of the one image."""
    document: dict[str, Any] = app.receipt["images"][0]["local"]
    return document


def test_several_platforms_are_pushed_as_they_were_built_and_each_commit_moves_the_branchs_tag(
    platforms_app: Project,
) -> None:
    app = platforms_app
    app.ok("build")
    digest = app.receipt["images"][0]["digest"]
    docker(app.environ, "image", "inspect", "team/app:main")  # `build` leaves an image in the store
    pushed = app.ok("push")
    image = app.receipt["images"][0]
    assert (image["digest"], image["platforms"]) == (digest, PLATFORMS.split(","))
    assert image["published"][0]["state"] == "pushed"
    assert len(image["published"][0]["tags"]) == 2
    assert pushed.lines == [image["published"][0]["reference"]]
    again = app.ok("build", "push")
    assert again.lines == pushed.lines
    assert "building with" not in again.stderr
    app.write("hello.txt", "hello again\n")
    app.commit()
    assert app.ok("build", "push").lines != pushed.lines
    assert len(app.receipt["images"][0]["published"][0]["tags"]) == 2


def test_attestations_are_added_to_what_was_built(platforms_app: Project, local_ecr: LocalEcr) -> None:
    app, client = platforms_app, HttpClient.logged_in(local_ecr)
    app.environ["ECR_REPOSITORY_PREFIX"], app.name = "team/", ""
    app.write("docker-bake.hcl", ATTESTED)
    app.commit()
    app.ok("build")
    manifests = built(app)["manifests"]
    (reference,) = app.ok("push").lines
    index = client.send("GET", f"/v2/team/app/manifests/{reference.partition('@')[2]}").json()
    children = {child["digest"]: child["platform"]["architecture"] for child in index["manifests"]}
    assert sorted(children.values()) == ["amd64", "arm64", "unknown", "unknown"]
    assert set(manifests.values()) <= set(children)
    assert all(client.send("GET", f"/v2/team/app/manifests/{digest}").status == 200 for digest in children)
    again = app.ok("build", "push")
    assert again.lines == [reference]
    assert "building with" not in again.stderr


@contextmanager
def changing_file() -> Iterator[str]:
    """Serve a file that is another one at each request, and yield its URL."""
    contents = count()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"{next(contents)}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the name of the base class

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/file"
        server.shutdown()


def test_a_builder_that_no_longer_has_what_was_built_moves_no_tag(
    request: pytest.FixtureRequest, platforms_app: Project, local_ecr: LocalEcr
) -> None:
    app = platforms_app
    with changing_file() as url:
        app.write("Dockerfile", f"FROM scratch\nADD {url} /\n")
        app.commit()
        app.ok("build")
        pushed = app.inv("push")
        if built(app)["keep"] == "store":  # the store has it, whatever the builder would make now
            assert pushed.code == 0, pushed.stderr
            return
        assert pushed.code == 5, pushed.stderr
        assert "The builder beside no longer has what was built: linux/amd64 is sha256:" in pushed.stderr
        assert "`inv build push`" in pushed.stderr
    images = HttpClient.logged_in(local_ecr).api("ListImages", {"repositoryName": "team/app"}).json()["imageIds"]
    assert not any("imageTag" in image for image in images)


@one_store
def test_a_builder_that_is_gone_is_named(platforms_app: Project) -> None:
    platforms_app.ok("build")
    docker(platforms_app.environ, "buildx", "rm", "beside")
    failed = platforms_app.inv("push")
    assert failed.code == 3
    assert "There is no builder or docker context beside." in failed.stderr
    assert "docker buildx ls" in failed.stderr


def test_what_was_loaded_is_pushed_when_the_builder_does_not_answer_any_more(
    tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr
) -> None:
    environ = {**engine, **local_ecr.environment(), "BUILDX_CONFIG": str(tmp_path / "buildx")}
    environ |= {"ECR_CREATE_REPOSITORY": "true", "ECR_BUILDER": "beside"}
    app = project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")
    host = engine.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    with buildkit_address(host.removeprefix("unix://")) as address:
        docker(environ, "buildx", "create", "--name", "beside", "--driver", "remote", f"tcp://{address}")
        app.ok("build")
    assert app.ok("push").lines[0].endswith(app.receipt["images"][0]["digest"])
    app.write("hello.txt", "more\n")
    app.commit()
    failed = app.inv("push")
    assert failed.code == 3
    assert f"The builder beside does not answer at tcp://{address}: Connection refused." in failed.stderr


@one_store
def test_a_builder_is_also_chosen_by_buildxs_own_variable(app: Project) -> None:
    app.environ["BUILDX_BUILDER"] = app.environ.pop("ECR_BUILDER")
    assert 'building with "beside" instance' in app.ok("build", "push").stderr


@one_store
def test_a_docker_context_is_refused_as_a_builder_before_a_repository_is_created(
    app: Project, local_ecr: LocalEcr, tmp_path: Path
) -> None:
    config = tmp_path / "docker"
    shutil.copytree(app.environ["DOCKER_CONFIG"], config, symlinks=True, ignore=shutil.ignore_patterns("buildx"))
    app.environ["DOCKER_CONFIG"] = str(config)
    docker(app.environ, "context", "create", "elsewhere", "--docker", "host=unix:///nowhere.sock")
    failed = app.inv("build", "push", ECR_BUILDER="elsewhere")
    assert failed.code == 3
    assert "The builder elsewhere is a docker context" in failed.stderr
    assert "DOCKER_CONTEXT=elsewhere" in failed.stderr
    assert HttpClient.logged_in(local_ecr).api("DescribeRepositories", {}).json()["repositories"] == []


LINKED = """\
group "default" { targets = ["app"] }
target "base" {
  context = "base"
}
target "app" {
  context = "app"
  contexts = { base = "target:base" }
}
"""


def test_an_image_is_built_from_what_it_links_to_and_pushed_from_the_builder(platforms_app: Project) -> None:
    app = platforms_app
    app.write("docker-bake.hcl", LINKED)
    app.write("base/Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH.txt /arch.txt\n")
    app.write("app/Dockerfile", "FROM base\nCOPY Dockerfile /\n")
    for platform in PLATFORMS.split(","):
        architecture = platform.partition("/")[2]
        app.write(f"base/{architecture}.txt", f"this is {architecture}\n")
    app.commit()
    (pushed,) = app.ok("build", "push", ECR_BAKE_FILE="docker-bake.hcl").lines
    reference = pushed.partition("@")[0] + ":main"
    app.ok("login")
    for platform in PLATFORMS.split(","):
        docker(app.environ, "pull", "--quiet", "--platform", platform, reference)
        container = docker(app.environ, "create", "--platform", platform, reference, "x").stdout.strip()
        docker(app.environ, "cp", f"{container}:/arch.txt", str(app.folder / "copied.txt"))
        docker(app.environ, "rm", container)
        assert (app.folder / "copied.txt").read_text("utf-8") == f"this is {platform.partition('/')[2]}\n"
    app.ok("logout")


@one_store
def test_what_was_built_is_pushed_where_there_is_no_engine(app: Project, local_ecr: LocalEcr) -> None:
    """A job in a pod, say, with buildx and a BuildKit at an address: nothing can be loaded anywhere."""
    app.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    built = app.ok("build")
    assert "the builder beside keeps it until the push, and there is no engine" in built.stderr
    digest = app.receipt["images"][0]["digest"]
    (reference,) = app.ok("push").lines
    assert reference.endswith(f"@{digest}")
    assert app.receipt["images"][0]["published"][0]["state"] == "pushed"
    app.write("hello.txt", "more\n")
    app.commit()
    app.environ["ECR_PLATFORMS"] = PLATFORMS
    pushed = app.ok("build", "push")
    assert app.receipt["images"][0]["platforms"] == PLATFORMS.split(",")
    assert "No Docker engine" not in pushed.stderr
    assert (
        HttpClient.logged_in(local_ecr)
        .send("GET", f"/v2/team/app/manifests/{pushed.lines[0].partition('@')[2]}")
        .status
        == 200
    )
