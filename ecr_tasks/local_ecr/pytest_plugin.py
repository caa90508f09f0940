"""A local ECR for each test that asks for one: ``pytest_plugins = ["ecr_tasks.local_ecr.pytest_plugin"]``.

def test_push(local_ecr, monkeypatch):
    for name, value in local_ecr.environment().items():
        monkeypatch.setenv(name, value)
    local_ecr.set_findings([{"repository": "demo", "severities": {"CRITICAL": 1}}])
    local_ecr.set_replication(delay=2.0, fail={"eu-west-3": "ServerException"})
    ...
    assert local_ecr.requests()["PUT manifest"] == 1
    assert local_ecr.requests(region="eu-west-1") == {}
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .server import LocalEcr


@pytest.fixture
def local_ecr() -> Iterator[LocalEcr]:
    """Return a local ECR in this process, empty, in a folder of its own that goes with it."""
    with tempfile.TemporaryDirectory(prefix="local-ecr-") as folder, LocalEcr(Path(folder)) as server:
        yield server
