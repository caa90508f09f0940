"""Whether the SDK finds credentials where no file and no variable has any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ecr_tasks.clients.ecr.aws_config import has_credentials

ROLE = {
    "Code": "Success",
    "AccessKeyId": "ASIAEXAMPLEEXAMPLE00",
    "SecretAccessKey": "x",
    "Token": "x",
    "Expiration": "2099-01-01T00:00:00Z",
}


class InstanceMetadata(BaseHTTPRequestHandler):
    """The metadata service of an EC2 host with the role ``ci`` (IMDSv2)."""

    def do_PUT(self) -> None:
        """Answer with a session's token."""
        self._answer("token")

    def do_GET(self) -> None:
        """Answer with the role's name, or its credentials."""
        self._answer(json.dumps(ROLE) if self.path.endswith("/ci") else "ci")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Log nothing."""

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def metadata() -> Iterator[str]:
    """Serve the metadata of an EC2 host."""
    with HTTPServer(("127.0.0.1", 0), InstanceMetadata) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_role_of_an_ec2_host_counts(metadata: str, tmp_path: Path) -> None:
    none = {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    host = {**none, "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata}
    assert has_credentials(host)
    assert not has_credentials({**host, "AWS_EC2_METADATA_DISABLED": "true"})
