"""A small client of the registry and the API: it hides no status, header or byte of a response."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of ``data``."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """Return an OCI descriptor."""
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def manifest_of(config: bytes, contents: Iterable[bytes] = (), **more: Any) -> bytes:
    """Return an OCI image manifest; ``more`` adds members or replaces them."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, IMAGE_CONFIG),
        "layers": [descriptor(layer, LAYER) for layer in contents],
        **more,
    }
    return json.dumps(document).encode()


def index_of(manifests: Iterable[bytes], **more: Any) -> bytes:
    """Return an OCI index."""
    descriptors = [descriptor(manifest, OCI_MANIFEST) for manifest in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors, **more}).encode()


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until the condition holds; after many looks it is a failure."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it does not happen")


class Response:
    """An HTTP response, read to its end."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> Any:
        """Return the body's JSON document."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Return status, code and message of an error of the registry."""
        (error,) = self.json()["errors"]
        return self.status, error["code"], error["message"]


class HttpClient:
    """A client of one registry over one connection; logged in as user AWS if it has a ``token``."""

    def __init__(self, registry: str, token: str | None = None) -> None:
        self.registry = registry
        self.token = token
        self.connection = HTTPConnection(registry, timeout=20)

    @classmethod
    def logged_in(cls, server: LocalEcr) -> HttpClient:
        """Return a client that is logged in."""
        client = cls(server.registry)
        reply = client.api("GetAuthorizationToken", {}).json()
        client.token = reply["authorizationData"][0]["authorizationToken"]
        return client

    def password(self) -> str:
        """Return the password in the token."""
        return base64.b64decode(self.token or "").decode().partition(":")[2]

    def send(self, method: str, path: str, body: Any = None, /, **headers: str) -> Response:
        """Send one request; underscores in the names of headers stand for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("Authorization", f"Basic {self.token}")
        self.connection.request(method, path, body, sent, encode_chunked=False)
        return Response(self.connection.getresponse())

    def api(self, operation: str, document: dict[str, Any]) -> Response:
        """Call one operation of the API, without an SDK."""
        headers = {
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        self.connection.request("POST", "/", json.dumps(document), headers)
        return Response(self.connection.getresponse())

    def push_blob(self, name: str, data: bytes) -> str:
        """Upload a blob in two requests; returns its digest."""
        digest = digest_of(data)
        start = self.send("POST", f"/v2/{name}/blobs/uploads/")
        assert start.status == 202, start.body
        finish = self.send("PUT", f"{start.headers['Location']}?digest={digest}", data)
        assert finish.status == 201, finish.body
        return digest

    def push_manifest(self, name: str, reference: str, raw: bytes, media_type: str = OCI_MANIFEST) -> Response:
        """Upload a manifest under a tag or a digest."""
        return self.send("PUT", f"/v2/{name}/manifests/{reference}", raw, Content_Type=media_type)

    def push_image(self, name: str, tag: str | None, *layers: bytes, config: bytes = b"{}", **more: Any) -> bytes:
        """Upload an image with config and layers; returns its manifest."""
        for data in (config, *layers):
            self.push_blob(name, data)
        raw = manifest_of(config, layers, **more)
        answer = self.push_manifest(name, tag or digest_of(raw), raw)
        assert answer.status == 201, answer.body
        return raw

    def push_index(self, name: str, tag: str | None, manifests: Iterable[bytes], **more: Any) -> bytes:
        """Upload an index whose children are in the repository; returns its manifest."""
        raw = index_of(manifests, **more)
        answer = self.push_manifest(name, tag or digest_of(raw), raw, OCI_INDEX)
        assert answer.status == 201, answer.body
        return raw
