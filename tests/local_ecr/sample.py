"""A repository such as a project of several months has, for tests of the page."""

from __future__ import annotations

import json
from typing import Any

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import (
    IMAGE_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    HttpClient,
    descriptor,
    digest_of,
)

SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
CACHE = "application/vnd.buildkit.cacheconfig.v0"
HOSTILE = "<img src=x onerror=alert(1)>"

_STATEMENTS = {"https://spdx.dev/Document": b'{"spdx": 1}', "https://slsa.dev/provenance/v1": b'{"slsa": 1}'}


def push_release(http: HttpClient, name: str, tags: list[str], marker: bytes) -> bytes:
    """Push an image of two platforms with BuildKit's SBOM and provenance of one; returns its index."""
    platforms = []
    for architecture in ("amd64", "arm64"):
        labels = {"org.opencontainers.image.source": HOSTILE}
        config = json.dumps({"os": "linux", "architecture": architecture, "config": {"Labels": labels}}).encode()
        platforms.append(http.push_image(name, None, marker + architecture.encode() * 500, config=config))
    layers = []
    for predicate, statement in _STATEMENTS.items():
        http.push_blob(name, statement)
        annotations = {"in-toto.io/predicate-type": predicate}
        layers.append({**descriptor(statement, "application/vnd.in-toto+json"), "annotations": annotations})
    attestations = _manifest(http, name, layers)
    listed = [
        descriptor(raw, OCI_MANIFEST, platform={"os": "linux", "architecture": architecture})
        for raw, architecture in zip(platforms, ("amd64", "arm64"), strict=True)
    ]
    subject = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": digest_of(platforms[0]),
    }
    unknown = {"os": "unknown", "architecture": "unknown"}
    listed.append(descriptor(attestations, OCI_MANIFEST, platform=unknown, annotations=subject))
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed, "annotations": {HOSTILE: HOSTILE}}
    index = json.dumps(document).encode()
    for tag in tags:
        assert http.push_manifest(name, tag, index, OCI_INDEX).status == 201
    return index


def fill(ecr: LocalEcr, api: Any) -> bytes:
    """Create repositories in two registries, with releases, a cache, signatures and findings; returns a release."""
    finding = {"name": "CVE-2024-0001", "severity": "CRITICAL", "package": "openssl", "version": "3.0.1"}
    ecr.set_findings([{"findings": [{**finding, "description": HOSTILE}], "severities": {"HIGH": 2, "LOW": 3}}])
    api.create_repository(
        repositoryName="team/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}],
        imageScanningConfiguration={"scanOnPush": True},
    )
    api.create_repository(repositoryName="team/empty")
    api.create_repository(registryId="222233334444", repositoryName="prod/app")
    http = HttpClient.logged_in(ecr)
    push_release(http, "team/app", ["1.0.0", "latest"], b"first")
    index = push_release(http, "team/app", ["1.1.0", "latest", "v" * 100], b"second")
    http.push_image("team/app", None, b"signature", artifactType=SIGNATURE, subject=descriptor(index, OCI_INDEX))
    http.push_image("team/app", f"{digest_of(index).replace(':', '-')}.sig", b"cosign's own")
    http.push_image("team/app", "buildcache", b"cache", artifactType=CACHE)
    http.send("GET", "/v2/team/app/manifests/1.0.0", None, User_Agent=f"docker/28.5.2{HOSTILE}")
    http.send("GET", "/v2/%3Cimg%20src=x%20onerror=alert(1)%3E/tags/list")
    return index


def _manifest(http: HttpClient, name: str, layers: list[dict[str, Any]]) -> bytes:
    http.push_blob(name, b"{}")
    config = descriptor(b"{}", IMAGE_CONFIG)
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    raw = json.dumps(document).encode()
    assert http.push_manifest(name, digest_of(raw), raw).status == 201
    return raw
