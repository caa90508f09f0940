"""Tests with a real engine of what a build reads and writes in ECR, from registries that each demand a login."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.faults import FaultKind, FaultProxy
from tests.engine.project import Project, project
from tests.local_ecr.http_client import HttpClient
from tests.support.secrets_manager import SecretsManager

OTHER_ACCOUNT = "111122223333"
OTHER_REGION = "eu-west-3"


class Registries:
    """A local ECR with registries of several accounts and regions, in which base images are published."""

    def __init__(self, ecr: LocalEcr, environ: dict[str, str], tiny_base: str, folder: Path) -> None:
        self.ecr, self.environ, self.tiny_base, self.folder = ecr, environ, tiny_base, folder
        folder.mkdir()
        (folder / "cli-plugins").symlink_to(Path(environ["DOCKER_CONFIG"]) / "cli-plugins")

    def repository(self, name: str, *, account: str | None = None, region: str = "us-east-1") -> str:
        """Create a repository and return its URI."""
        account = account or self.ecr.account
        client = self._client("ecr", region)
        created = client.create_repository(registryId=account, repositoryName=name)
        return str(created["repository"]["repositoryUri"])

    def public_repository(self, name: str) -> str:
        """Create a repository in ECR Public and return its URI."""
        created = self._client("ecr-public", "us-east-1").create_repository(repositoryName=name)
        return str(created["repository"]["repositoryUri"])

    def publish(self, uri: str, *, region: str = "us-east-1", public: bool = False) -> str:
        """Publish an image that the engine has nothing of, and remove it from the engine; return its reference."""
        reference = f"{uri}:1"
        client = self._client("ecr-public" if public else "ecr", region)
        data = client.get_authorization_token()["authorizationData"]
        token = data["authorizationToken"] if public else data[0]["authorizationToken"]
        (self.folder / "config.json").write_text(json.dumps({"auths": {uri.partition("/")[0]: {"auth": token}}}))
        name = uri.rpartition("/")[2]
        (self.folder / name).write_text(reference + os.urandom(8).hex())
        (self.folder / "Dockerfile").write_text(f"FROM {self.tiny_base}\nCOPY {name} /{name}\n")
        environ = {**self.environ, "DOCKER_CONFIG": str(self.folder)}
        docker(environ, "build", "--quiet", "--provenance=false", "--tag", reference, str(self.folder))
        docker(environ, "push", reference)
        docker(environ, "image", "rm", reference)
        return reference

    def _client(self, service: str, region: str) -> Any:
        session: Any = boto3.Session("AKIALOCAL", "none")
        return session.client(service, region_name=region, endpoint_url=self.ecr.endpoint)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with FaultProxy() as proxy:
        yield proxy


@pytest.fixture
def registries(tmp_path: Path, local_ecr: LocalEcr, engine: dict[str, str], tiny_base: str) -> Registries:
    return Registries(local_ecr, engine, tiny_base, tmp_path / "publisher")


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr) -> Project:
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    return project(tmp_path / "app", environ, "FROM scratch\nCOPY hello.txt /\n")


def test_one_build_reads_from_several_accounts_regions_and_ecr_public(app: Project, registries: Registries) -> None:
    base = registries.publish(registries.repository("base"))
    tools = registries.publish(registries.repository("tools", region=OTHER_REGION), region=OTHER_REGION)
    shared = registries.publish(registries.repository("shared", account=OTHER_ACCOUNT))
    public = registries.publish(registries.public_repository("open"), public=True)
    hosts = {reference.partition("/")[0] for reference in (base, tools, shared, public)}
    assert len(hosts) == 4
    host, _, rest = tools.partition("/")
    app.write(
        "Dockerfile",
        f"ARG REGISTRY={host}\nFROM ${{REGISTRY}}/{rest} AS tools\nFROM base\n"
        "COPY --from=tools /tools /\n"
        f"COPY --from={public} /open /\n"
        f"RUN --mount=type=bind,from={shared},target=/mnt cp /mnt/shared /\n",
    )
    app.commit()
    reference = app.ok("build", "push", ECR_BUILD_CONTEXTS=f"base=docker-image://{base}").lines[0]
    listed = docker(app.environ, "run", "--rm", reference, "ls", "/").stdout.split()
    assert {"base", "tools", "shared", "open"} <= set(listed)


def test_a_registry_that_is_not_ecr_gets_the_login_of_its_secret(
    app: Project, engine: dict[str, str], tiny_base: str, tmp_path: Path
) -> None:
    """Another local ECR stands for it: this one gives no token for it, and docker has no login there."""
    manager = SecretsManager()
    with LocalEcr(tmp_path / "other") as other:
        there = Registries(other, engine, tiny_base, tmp_path / "publisher")
        base = there.publish(there.repository("base", region=other.region), region=other.region)
        user, password = "AWS", HttpClient.logged_in(other).password()
        manager.document = {"SecretString": json.dumps({"username": user, "password": password})}
        app.write("Dockerfile", f"FROM {base}\nCOPY hello.txt /\n")
        app.commit()
        settings = {"ECR_REGISTRY_LOGINS": f"{other.registry}=secretsmanager:build/base", **manager.environment}
        refused = app.inv("build")
        assert refused.code == 3
        for words in (("build", "push"), ("--debug", "plan")):
            result = app.inv(*words, **settings)
            assert result.code == 0, result.stderr
            assert password not in result.stdout + result.stderr
        assert {secret for _, secret in manager.asked} == {"build/base"}
        manager.document = {"SecretString": json.dumps({"username": user, "password": "none of it"})}
        app.write("hello.txt", "another")
        app.commit()
        assert app.inv("build", **settings).code in (3, 5)
        manager.status, manager.document = 400, {"__type": "ResourceNotFoundException", "message": "no"}
        missing = app.inv("build", **settings)
        assert missing.code == 4
        assert "has no secret build/base for" in missing.stderr
    manager.close()


def test_a_linked_targets_inline_dockerfile_and_arguments_name_registries(
    app: Project, registries: Registries
) -> None:
    base = registries.publish(registries.repository("base", region=OTHER_REGION), region=OTHER_REGION)
    host, _, rest = base.partition("/")
    inline = f"ARG REGISTRY\nFROM $${{REGISTRY}}/{rest}\nRUN true\n"  # in bake, $$ is a dollar sign
    linked = {"context": ".", "dockerfile-inline": inline, "args": {"REGISTRY": host}}
    target = {"contexts": {"linked": "target:linked"}, "dockerfile-inline": "FROM linked\nCOPY hello.txt /\n"}
    app.write("docker-bake.json", json.dumps({"target": {"default": target, "linked": linked}}))
    app.commit()
    assert len(app.ok("build", "push", ECR_BAKE_FILE="docker-bake.json").lines) == 1


def test_a_base_images_digest_is_read_with_its_registrys_login(app: Project, registries: Registries) -> None:
    base = registries.publish(registries.repository("base", region=OTHER_REGION), region=OTHER_REGION)
    app.write("Dockerfile", f"FROM {base}\nCOPY hello.txt /\n")
    app.commit()
    (image,) = json.loads(app.ok("plan", "--json", ECR_SKIP="content").stdout)["images"]
    assert image["inputs"]["because"] is None


def test_the_cache_may_be_in_another_region_and_is_read_again(app: Project, registries: Registries) -> None:
    cache = registries.repository("cache", region=OTHER_REGION)
    settings = {"ECR_CACHE": f"type=registry,ref={cache}:app,mode=max,image-manifest=true,oci-mediatypes=true"}
    app.write("Dockerfile", f"FROM {registries.tiny_base}\nRUN echo {os.urandom(8).hex()} > /x\n")
    app.commit()
    result = app.ok("build", **settings)
    assert "the build cache" not in result.stderr
    assert registries.ecr.requests(region=OTHER_REGION)["PUT manifest"] == 1
    app.write("hello.txt", "other\n")
    app.commit()
    before = registries.ecr.requests(region=OTHER_REGION).get("GET manifest", 0)
    assert "the build cache" not in app.ok("build", **settings).stderr
    assert registries.ecr.requests(region=OTHER_REGION)["GET manifest"] > before


def test_a_cache_without_a_repository_is_left_out_with_a_word(app: Project, local_ecr: LocalEcr) -> None:
    app.write("hello.txt", os.urandom(8).hex())
    app.commit()
    result = app.ok("build", ECR_CACHE=f"type=registry,ref={local_ecr.registry}/nocache:app,mode=max")
    assert "there is no repository nocache" in result.stderr


def test_stale_logins_of_the_user_are_not_in_the_way(app: Project, registries: Registries, tmp_path: Path) -> None:
    """In whatever way docker's configuration spells a registry."""
    base = registries.publish(registries.repository("base", region=OTHER_REGION), region=OTHER_REGION)
    stale = {"auth": base64.b64encode(b"AWS:stale").decode()}
    own = tmp_path / "own"
    own.mkdir()
    (own / "cli-plugins").symlink_to(Path(app.environ["DOCKER_CONFIG"]) / "cli-plugins")
    app.write("Dockerfile", f"FROM {base}\nCOPY hello.txt /\n")
    for spelling in ("{}", "https://{}", "https://{}/v2/"):
        entries = {spelling.format(host): stale for host in (base.partition("/")[0], registries.ecr.registry)}
        logins = json.dumps({"auths": entries})
        (own / "config.json").write_text(logins)
        app.write("hello.txt", spelling)
        app.commit()
        app.ok("build", "push", DOCKER_CONFIG=str(own), DOCKER_AUTH_CONFIG=logins)


@pytest.mark.parametrize("field", ["auths", "Auths"])
def test_the_variable_with_logins_pushes_as_nobody_else(app: Project, local_ecr: LocalEcr, field: str) -> None:
    """docker prefers it to its configuration, in whatever case its fields are written."""
    stale = base64.b64encode(b"AWS:stale").decode()
    logins = json.dumps({field: {local_ecr.registry: {"auth": stale}, "other.example": {"auth": stale}}})
    result = app.ok("build", "push", DOCKER_AUTH_CONFIG=logins)
    assert f"DOCKER_AUTH_CONFIG has a login for {local_ecr.registry}" in result.stderr
    assert stale not in result.stderr


def test_ecr_public_is_read_anonymously_where_no_token_may_be_had(
    app: Project, registries: Registries, proxy: FaultProxy
) -> None:
    base = registries.publish(registries.public_repository("open"), public=True)
    app.write("Dockerfile", f"FROM {base}\nCOPY hello.txt /\n")
    app.commit()
    proxy.upstream = registries.ecr.port
    proxy.denied, proxy.denied_operation = b"POST", "GetAuthorizationToken"
    result = app.ok("build", AWS_ENDPOINT_URL_ECR_PUBLIC=f"http://{proxy.address}")
    assert "is read without a login" in result.stderr


def test_a_refusing_registry_ends_the_build_with_the_reason_that_there_is_no_token(
    app: Project, registries: Registries, proxy: FaultProxy
) -> None:
    base = registries.publish(registries.repository("base"))
    app.write("Dockerfile", f"FROM {base}\nCOPY hello.txt /\n")
    app.commit()
    proxy.upstream = registries.ecr.port
    proxy.denied, proxy.denied_operation = b"POST", "GetAuthorizationToken"
    result = app.inv("build", AWS_ENDPOINT_URL_ECR=f"http://{proxy.address}")
    assert result.code == 4
    assert "ecr:GetAuthorizationToken" in result.stderr
    own_login = {"DOCKER_CONFIG": str(registries.folder)}
    assert "No token of ours" in app.ok("build", AWS_ENDPOINT_URL_ECR=f"http://{proxy.address}", **own_login).stderr
    docker(app.environ, "tag", registries.tiny_base, base)
    assert "No token of ours" not in app.ok("build", AWS_ENDPOINT_URL_ECR=f"http://{proxy.address}").stderr
    docker(app.environ, "image", "rm", base)


def test_without_credentials_a_build_works_with_the_base_images_that_are_here(
    app: Project, registries: Registries
) -> None:
    base = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/base:1"
    docker(app.environ, "tag", registries.tiny_base, base)
    app.write("Dockerfile", f"FROM {base}\nCOPY hello.txt /\n")
    app.commit()
    for name in [name for name in app.environ if name.startswith("AWS_")]:
        del app.environ[name]
    result = app.ok("build", AWS_EC2_METADATA_DISABLED="true")
    assert base not in "".join(line for line in result.stderr.splitlines() if line.startswith("warning"))
    docker(app.environ, "image", "rm", base)


@pytest.fixture
def busy(
    tmp_path: Path, classic_engine: dict[str, str], classic_tiny_base: str, proxy: FaultProxy
) -> Iterator[Registries]:
    """Return a registry behind the proxy; another engine publishes there, so that the builds' has nothing of it."""
    with LocalEcr(tmp_path / "ecr", advertise=proxy.address) as ecr:
        proxy.upstream = ecr.port
        yield Registries(ecr, classic_engine, classic_tiny_base, tmp_path / "publisher")


FROM, COPY = "FROM {}\nRUN true\n", "FROM scratch\nCOPY --from={} /base /\n"


@pytest.mark.parametrize(
    ("kind", "first", "dockerfile"),
    [
        ("throttle", "HEAD manifest", FROM),
        ("throttle", "GET blob", FROM),
        ("throttle", "GET blob", COPY),
        ("fail", "HEAD manifest", COPY),
        ("drop", "HEAD manifest", FROM),
    ],
)
def test_a_busy_registry_is_outlasted_while_a_build_pulls(
    busy: Registries,
    proxy: FaultProxy,
    engine: dict[str, str],
    tmp_path: Path,
    kind: FaultKind,
    first: str,
    dockerfile: str,
) -> None:
    base = busy.publish(busy.repository("base"))
    app = project(tmp_path / "app", {**engine, **busy.ecr.environment()}, dockerfile.format(base))
    proxy.arm(kind, first, lasting=True, seconds=2.5)
    result = app.ok("build")
    assert proxy.faulty
    assert "trying again in" in result.stderr


def test_a_step_that_prints_the_same_words_fails_at_once(app: Project, tiny_base: str) -> None:
    message = "ERROR: failed to solve: unexpected status from HEAD request to http://x/v2/: 429 Too Many Requests"
    app.write("Dockerfile", f"FROM {tiny_base}\nRUN echo '{message}' >&2; exit 1\n")
    app.commit()
    result = app.inv("build")
    assert result.code == 3
    assert "trying again" not in result.stderr
