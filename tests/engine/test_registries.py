"""Tests of docker with several registries of one local ECR: two regions, a replica, and the public one."""

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


class DockerClient:
    """Docker with a configuration of its own, and clients of the API."""

    def __init__(self, ecr: LocalEcr, engine: dict[str, str], config: Path) -> None:
        self.ecr = ecr
        self.auths: dict[str, dict[str, str]] = {}
        self.environ = {**engine, "DOCKER_CONFIG": str(config)}
        self.config = config
        config.mkdir()

    def client(self, service: str, region: str) -> Any:
        """Return a client of the API of a region."""
        session: Any = boto3.Session("AKIALOCAL", "none")
        return session.client(service, region_name=region, endpoint_url=self.ecr.endpoint)

    def login(self, registry: str, token: str) -> None:
        """Store a token and check it with `docker login`, without the password in the arguments."""
        self.auths[registry] = {"auth": token}
        (self.config / "config.json").write_text(json.dumps({"auths": self.auths}))
        docker(self.environ, "login", registry)

    def push(self, image: str, reference: str) -> str:
        """Tag and push an image, and return its digest."""
        docker(self.environ, "tag", image, reference)
        output = docker(self.environ, "push", reference).stdout
        docker(self.environ, "image", "rm", reference)
        return output.partition("digest: ")[2].split()[0]


@pytest.fixture
def docker_client(ecr: LocalEcr, engine: dict[str, str], tmp_path: Path) -> DockerClient:
    return DockerClient(ecr, engine, tmp_path / "docker")


def test_docker_pushes_to_two_regions_and_pulls_a_replica(docker_client: DockerClient, tiny_base: str) -> None:
    digests = set()
    for region in REGIONS:
        client = docker_client.client("ecr", region)
        uri = client.create_repository(repositoryName="app")["repository"]["repositoryUri"]
        (data,) = client.get_authorization_token()["authorizationData"]
        docker_client.login(data["proxyEndpoint"].removeprefix("http://"), data["authorizationToken"])
        digests.add(docker_client.push(tiny_base, f"{uri}:v1"))
    assert len(digests) == 1
    source, target = (docker_client.client("ecr", region) for region in REGIONS)
    rules = {"rules": [{"destinations": [{"registryId": docker_client.ecr.account, "region": REGIONS[1]}]}]}
    source.put_replication_configuration(replicationConfiguration=rules)
    uri = source.create_repository(repositoryName="replicated")["repository"]["repositoryUri"]
    digest = docker_client.push(tiny_base, f"{uri}:v1")
    image = {"repositoryName": "replicated", "imageId": {"imageTag": "v1"}}
    while source.describe_image_replication_status(**image)["replicationStatuses"][0]["status"] != "COMPLETE":
        time.sleep(0.02)
    (repository,) = target.describe_repositories(repositoryNames=["replicated"])["repositories"]
    replica = f"{repository['repositoryUri']}@{digest}"
    docker(docker_client.environ, "pull", replica)
    assert docker(docker_client.environ, "run", "--rm", replica, "echo", "hello").stdout == "hello\n"
    docker(docker_client.environ, "image", "rm", replica)


def test_docker_pushes_to_the_public_registry_and_pulls_without_a_login(
    docker_client: DockerClient, tiny_base: str
) -> None:
    public = docker_client.client("ecr-public", "us-east-1")
    uri = public.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    reference = f"{uri}:v1"
    docker(docker_client.environ, "tag", tiny_base, reference)
    assert "Not Authorized" in docker(docker_client.environ, "push", reference, check=False).stderr
    data = public.get_authorization_token()["authorizationData"]
    registry = uri.partition("/")[0]
    docker_client.login(registry, data["authorizationToken"])
    digest = docker_client.push(tiny_base, reference)
    docker(docker_client.environ, "logout", registry)
    docker(docker_client.environ, "pull", reference)
    docker(docker_client.environ, "image", "rm", reference)
    assert public.describe_images(repositoryName="app")["imageDetails"][0]["imageDigest"] == digest
