"""docker at several registries of one local ECR: two regions, a replica, and the public one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker

REGIONS = ("us-east-1", "eu-west-3")


@pytest.fixture
def ecr(tmp_path: Path) -> Iterator[LocalEcr]:
    with LocalEcr(tmp_path / "ecr") as server:
        yield server


class Docker:
    """docker with a configuration of its own, and the SDK beside it."""

    def __init__(self, ecr: LocalEcr, engine: dict[str, str], config: Path) -> None:
        self.ecr = ecr
        self.auths: dict[str, dict[str, str]] = {}
        self.environ = {**engine, "DOCKER_CONFIG": str(config)}
        self.config = config
        config.mkdir()

    def client(self, service: str, region: str) -> Any:
        session: Any = boto3.Session("AKIALOCAL", "none")
        return session.client(service, region_name=region, endpoint_url=self.ecr.endpoint)

    def login(self, registry: str, token: str) -> None:
        """As `docker login`, which shows that the registry takes it; the password stays out of argv."""
        self.auths[registry] = {"auth": token}
        (self.config / "config.json").write_text(json.dumps({"auths": self.auths}))
        docker(self.environ, "login", registry)

    def push(self, image: str, reference: str) -> str:
        """Tags and pushes; the digest."""
        docker(self.environ, "tag", image, reference)
        said = docker(self.environ, "push", reference).stdout
        docker(self.environ, "image", "rm", reference)
        return said.partition("digest: ")[2].split()[0]


@pytest.fixture
def shell(ecr: LocalEcr, engine: dict[str, str], tmp_path: Path) -> Docker:
    return Docker(ecr, engine, tmp_path / "docker")


def test_docker_pushes_to_two_regions_and_pulls_a_replica(shell: Docker, tiny_base: str) -> None:
    digests = set()
    for region in REGIONS:
        client = shell.client("ecr", region)
        uri = client.create_repository(repositoryName="app")["repository"]["repositoryUri"]
        (data,) = client.get_authorization_token()["authorizationData"]
        shell.login(data["proxyEndpoint"].removeprefix("http://"), data["authorizationToken"])
        digests.add(shell.push(tiny_base, f"{uri}:v1"))
    assert len(digests) == 1
    near, far = (shell.client("ecr", region) for region in REGIONS)
    rules = {"rules": [{"destinations": [{"registryId": shell.ecr.account, "region": REGIONS[1]}]}]}
    near.put_replication_configuration(replicationConfiguration=rules)
    uri = near.create_repository(repositoryName="replicated")["repository"]["repositoryUri"]
    digest = shell.push(tiny_base, f"{uri}:v1")
    asked = {"repositoryName": "replicated", "imageId": {"imageTag": "v1"}}
    deadline = time.monotonic() + 20
    while near.describe_image_replication_status(**asked)["replicationStatuses"][0]["status"] != "COMPLETE":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (found,) = far.describe_repositories(repositoryNames=["replicated"])["repositories"]
    replica = f"{found['repositoryUri']}@{digest}"
    docker(shell.environ, "pull", replica)
    assert docker(shell.environ, "run", "--rm", replica, "echo", "hello").stdout == "hello\n"
    docker(shell.environ, "image", "rm", replica)


def test_docker_pushes_to_the_public_registry_and_anybody_pulls(shell: Docker, tiny_base: str) -> None:
    public = shell.client("ecr-public", "us-east-1")
    uri = public.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    reference = f"{uri}:v1"
    docker(shell.environ, "tag", tiny_base, reference)
    assert "Not Authorized" in docker(shell.environ, "push", reference, check=False).stderr
    data = public.get_authorization_token()["authorizationData"]
    registry = uri.partition("/")[0]
    shell.login(registry, data["authorizationToken"])
    digest = shell.push(tiny_base, reference)
    docker(shell.environ, "logout", registry)
    docker(shell.environ, "pull", reference)
    docker(shell.environ, "image", "rm", reference)
    assert public.describe_images(repositoryName="app")["imageDetails"][0]["imageDigest"] == digest
