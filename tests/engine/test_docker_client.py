"""Tests of the docker client with a real engine: contexts, builders, and digests of base images."""

from __future__ import annotations

import base64
import json
import re
import secrets
from pathlib import Path

import boto3
import pytest

from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.command_line import CommandLine
from ecr_tasks.clients.docker.composed_manifest import ManifestParts
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.errors import NoSuchImage
from ecr_tasks.local_ecr.auth import Tokens
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.settings.load import load
from tests.engine.conftest import docker
from tests.engine.project import Project, project


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    return app


def test_a_build_needs_neither_aws_nor_a_network(app: Project) -> None:
    without_aws = {name: value for name, value in app.environ.items() if not name.startswith("AWS_")}
    app.environ = {**without_aws, "AWS_EC2_METADATA_DISABLED": "true"}
    app.ok("build")


def test_the_users_docker_context_and_its_builder_are_used(app: Project, tmp_path: Path) -> None:
    """Only a docker context of the user has the address of the engine; its builder is chosen by name."""
    config = tmp_path / "own"
    config.mkdir()
    (config / "cli-plugins").symlink_to(Path(app.environ["DOCKER_CONFIG"]) / "cli-plugins")
    host = app.environ.pop("DOCKER_HOST", "unix:///var/run/docker.sock")
    app.environ["DOCKER_CONFIG"] = str(config)
    docker(app.environ, "context", "create", "mine", "--docker", f"host={host}")
    docker(app.environ, "context", "use", "mine")
    pushed, pulled = app.ok("build", "push", "pull", ECR_BUILDER="mine").lines
    assert pushed == pulled
    assert json.loads((config / "config.json").read_text("utf-8"))["currentContext"] == "mine"


def test_an_image_that_stays_in_the_builder_is_pushed_from_there(
    app: Project, local_ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second build of the same definition, to push it, has the same digest."""
    app.ok("repo.ensure")
    for name, value in app.environ.items():
        monkeypatch.setenv(name, value)
    registry = EcrRegistry(load(app.folder, environ=app.environ))
    config = PrivateConfig(app.environ)
    try:
        client = WhalesDocker(config, app.folder, {})
        client.authorize(registry.token())
        platforms, attest = ("linux/amd64", "linux/arm64"), ("type=provenance,disabled=true",)
        definition = BuildDefinition(context=str(app.folder), platforms=platforms, attest=attest)
        reference = f"{local_ecr.registry}/{app.name}:kept"
        built = client.build([BuildInput("app", definition, ("app:kept",), "builder")], None)["app"]
        pushed = client.build([BuildInput("app", definition, (reference,), "builder", push=True)], None)["app"]
    finally:
        config.close()
    view = registry.describe({app.name: ["kept"]})[app.name]
    assert built.image_id is None
    assert built.digest == pushed.digest == view.tags["kept"].digest


def test_docker_copies_an_index_between_registries_and_hears_of_a_wrong_and_an_old_token(
    request: pytest.FixtureRequest, app: Project, local_ecr: LocalEcr, tmp_path: Path
) -> None:
    """What docker does by itself, with the local ECR's registries of two regions."""
    image = app.ok("build", "push").lines[0]
    clients = [
        boto3.client("ecr", region, endpoint_url=local_ecr.endpoint, aws_access_key_id="x", aws_secret_access_key="x")
        for region in (local_ecr.region, "us-west-2")
    ]
    far = clients[1].create_repository(repositoryName="far")["repository"]["repositoryUri"]
    tokens = [api.get_authorization_token()["authorizationData"][0]["authorizationToken"] for api in clients]
    config = tmp_path / "own"
    config.mkdir()
    (config / "cli-plugins").symlink_to(Path(app.environ["DOCKER_CONFIG"]) / "cli-plugins")

    def log_in(*tokens: str) -> None:
        hosts = (local_ecr.registry, far.partition("/")[0])
        auths = {host: {"auth": token} for host, token in zip(hosts, tokens, strict=False)}
        (config / "config.json").write_text(json.dumps({"auths": auths}))

    own = {**app.environ, "DOCKER_CONFIG": str(config)}
    log_in(*tokens)
    create = ("buildx", "imagetools", "create", "--tag")
    docker(own, *create, f"{far}:index", image)
    back = f"{image.partition('@')[0]}:back"
    docker(own, *create, back, f"{far}:index")
    (there,) = clients[1].describe_images(repositoryName="far", imageIds=[{"imageTag": "index"}])["imageDetails"]
    (here,) = clients[0].describe_images(repositoryName=app.name, imageIds=[{"imageTag": "back"}])["imageDetails"]
    assert there["imageDigest"] == here["imageDigest"]
    assert "index" in there["imageManifestMediaType"] or "list" in there["imageManifestMediaType"]
    old = Tokens(local_ecr.root).password(1)
    for engine_fixture in ("engine", "classic_engine"):
        engine = {**request.getfixturevalue(engine_fixture), "DOCKER_CONFIG": str(config)}
        for password, reason in (
            ("wrong", "401 Unauthorized|unauthorized: Not Authorized"),
            (old, "403 Forbidden|token has expired"),
        ):
            log_in(base64.b64encode(f"AWS:{password}".encode()).decode())
            refused = docker(engine, "pull", back, check=False)
            assert (refused.returncode, bool(re.search(reason, refused.stderr))) == (1, True), refused.stderr
    login = docker(own, "login", "--username=AWS", "--password=wrong", local_ecr.registry, check=False)
    assert (login.returncode, "401 Unauthorized" in login.stderr or "unauthorized" in login.stderr) == (1, True)


@pytest.mark.parametrize("engine_fixture", ["engine", "classic_engine"])
def test_a_base_image_has_the_same_digest_in_the_store_and_in_its_registry(
    request: pytest.FixtureRequest,
    engine_fixture: str,
    tmp_path: Path,
    local_ecr: LocalEcr,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {**request.getfixturevalue(engine_fixture), **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    app = project(tmp_path / "base", environ, "FROM scratch\nCOPY hello.txt /\n")
    digest = app.ok("build", "push").lines[0].partition("@")[2]
    reference = f"{local_ecr.registry}/{app.name}:main"
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    registry = EcrRegistry(load(app.folder, environ=app.environ))
    config = PrivateConfig(environ)
    try:
        client = WhalesDocker(config, app.folder, {})
        client.authorize(registry.token())
        assert client.image_digest(reference, None, local=False) == digest
        docker(environ, "image", "rm", "--force", reference, check=False)
        assert client.image_digest(reference, None, local=True) is None
        client.pull(reference, None)
        assert client.image_digest(reference, None, local=True) == digest
        docker(environ, "tag", reference, "local/own:1")
        assert (client.image_digest("local/own:1", None, local=True) or "").startswith("sha256:")
        with pytest.raises(NoSuchImage, match="nothing-here"):
            client.image_digest(f"{local_ecr.registry}/nothing-here:1", None, local=False)
    finally:
        config.close()
        docker(environ, "image", "rm", "--force", "local/own:1", check=False)


@pytest.mark.parametrize("annotated", [True, False])
def test_a_build_tells_its_manifest(app: Project, monkeypatch: pytest.MonkeyPatch, annotated: bool) -> None:
    """No program is started for the manifest, and none for the look at what was built.

    Of a step that another build needs at the same moment BuildKit tells no layer: the steps are this test's alone.
    """
    for name, value in app.environ.items():
        monkeypatch.setenv(name, value)
    app.write("hello.txt", f"{secrets.token_hex(8)}\n")
    with (app.folder / "Dockerfile").open("a", encoding="utf-8") as dockerfile:
        dockerfile.write("RUN echo '<&>' >/made\nENV SHOWN=here\n")
    annotations = {"org.example.note": "a <b> & c", "org.example.first": "ü"} if annotated else {}
    config = PrivateConfig(app.environ)
    client = WhalesDocker(config, app.folder, {})
    definition = BuildDefinition(str(app.folder), annotations=annotations, attest=("type=provenance,disabled=true",))
    asked: list[str] = []
    try:
        built = client.build([BuildInput("told", definition, ("told/app:1",))], None)["told"]
        digest = str(built.digest)
        with monkeypatch.context() as patched:
            patched.setattr(CommandLine, "output", lambda self, action, command, *rest: asked.append(action))
            shown = client.image_configs([digest], None)[digest]
            text = client.built_manifest(digest, str(built.record))
        monkeypatch.setattr(ManifestParts, "compose", lambda parts, size: None)  # as where layers are missing
        of_builder = client.built_manifest(digest, str(built.record))
    finally:
        client.remove_names(["told/app:1"])
        client.close()
        config.close()
    assert asked == []
    assert shown.environment["SHOWN"] == "here"
    assert text is not None
    assert text == of_builder
    assert sha256_digest(text) == digest
    assert json.loads(text).get("annotations", {}) == annotations


def test_images_that_are_gone_hide_no_other_ones(app: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """docker answers with an error about the images that are gone, and with what it has of the others."""
    for name, value in app.environ.items():
        monkeypatch.setenv(name, value)
    config = PrivateConfig(app.environ)
    try:
        client = WhalesDocker(config, app.folder, {})
        inputs = [
            BuildInput(name, BuildDefinition(context=str(app.folder), labels={"name": name}), (f"looks/{name}",))
            for name in ("one", "two")
        ]
        built = client.build(inputs, None)
        one, two = (str(built[name].image_id) for name in ("one", "two"))
        configs = client.image_configs([one, f"sha256:{'0' * 64}", two], None)
        client.remove_names(["looks/one", "looks/two"])
    finally:
        client.close()
        config.close()
    assert {image_id: found.labels["name"] for image_id, found in configs.items()} == {one: "one", two: "two"}
    assert all(found.history for found in configs.values())
