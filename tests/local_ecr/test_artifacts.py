"""Documents attached to an image through ECR's API: what arrives, what an immutable repository says, what is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.ecr.artifacts import EcrArtifacts
from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import RegistryError
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.artifact import Artifact, Document
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.settings.load import load
from tests.local_ecr.http_client import HttpClient, digest_of

SPDX = "application/spdx+json"


@pytest.fixture
def registry(ecr: LocalEcr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EcrRegistry:
    for variable, value in ecr.environment().items():
        monkeypatch.setenv(variable, value)
    settings = load(tmp_path, environ=ecr.environment())
    return EcrRegistry(settings, AwsSession(settings))


@pytest.fixture
def artifacts(registry: EcrRegistry) -> EcrArtifacts:
    return registry.artifacts


@pytest.fixture
def described(registry: EcrRegistry, repository: str) -> Repository:
    found = registry.describe({repository: ()})[repository].repository
    assert found is not None
    return found


@pytest.fixture
def image(registry: EcrRegistry, described: Repository, http: HttpClient) -> StoredImage:
    http.push_image(described.name, "v1", b"layer")
    found = registry.image(described, "v1")
    assert found is not None
    return found


def test_what_was_attached_is_listed_and_read_and_the_image_stays(
    artifacts: EcrArtifacts, api: Any, described: Repository, image: StoredImage
) -> None:
    api.put_image_tag_mutability(repositoryName=described.name, imageTagMutability="IMMUTABLE")
    large = os.urandom(25 * 1024 * 1024)  # several parts
    documents = (Document(SPDX, b'{"name": "\xc3\xa4"}', {"title": "sbom.json"}), Document("text/plain", large))
    artifact = Artifact(SPDX, documents, {"org.opencontainers.image.created": "2026-11-26T00:00:00Z"})
    first, second = artifacts.attach(described, image, artifact), artifacts.attach(described, image, artifact)
    assert first == second
    (listed,) = artifacts.list(described, image.digest)
    assert (listed.digest, listed.artifact_type, listed.annotations) == (first, SPDX, artifact.annotations)
    assert artifacts.read(described, first) == artifact
    (tagged,) = api.describe_images(repositoryName=described.name, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert tagged["imageDigest"] == image.digest


def test_a_document_that_is_missing_or_of_a_missing_image_is_an_error(
    artifacts: EcrArtifacts, described: Repository, image: StoredImage, http: HttpClient
) -> None:
    with pytest.raises(RegistryError, match="is gone"):
        artifacts.read(described, digest_of(b"nothing"))
    gone = StoredImage(digest_of(b"gone"), "", image.media_type)
    with pytest.raises(RegistryError, match="is gone"):
        artifacts.attach(described, gone, Artifact(SPDX, (Document(SPDX, b"{}"),)))
    assert artifacts.list(described, gone.digest) == ()


def test_bytes_that_are_not_those_of_the_digest_are_refused(
    artifacts: EcrArtifacts, described: Repository, image: StoredImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = artifacts.attach(described, image, Artifact(SPDX, (Document(SPDX, b"right"),)))
    monkeypatch.setattr("ecr_tasks.clients.ecr.artifacts.download", lambda url, limit: b"wrong")
    with pytest.raises(RegistryError, match="has another digest"):
        artifacts.read(described, digest)
