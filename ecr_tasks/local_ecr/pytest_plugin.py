"""The pytest plugin: the fixture ``local_ecr`` gives a test an empty local ECR, which boto3 and the aws CLI then use.

    def test_push(local_ecr):
        local_ecr.set_findings([{"repository": "demo", "severities": {"CRITICAL": 1}}])
        local_ecr.set_signing([{"status": "FAILED", "code": "AccessDeniedException"}])
        local_ecr.set_replication(delay=2.0, fail={"eu-west-3": "ServerException"})
        local_ecr.misbehave("PutImage", "throttle", times=2)
        ...
        assert local_ecr.requests()["PUT manifest"] == 1
        assert local_ecr.requests(region="eu-west-1") == {}

pytest finds it by its entry point and loads it in every run, so the server is imported only with the first fixture.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .server import LocalEcr

# Each can lead boto3 or the aws CLI to another endpoint or account despite ``LocalEcr.environment``.
_MISLEADING_VARIABLES = (
    *("AWS_ACCOUNT_ID", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
    *("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN", "AWS_USE_DUALSTACK_ENDPOINT"),
    *("AWS_USE_FIPS_ENDPOINT", "AWS_WEB_IDENTITY_TOKEN_FILE"),
)
_NO_CONFIGURATION = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}


@pytest.fixture
def local_ecr(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEcr]:
    """An empty local ECR in this process; the test's environment points boto3, the aws CLI and ecr-tasks to it."""
    from .server import LocalEcr

    folder = tmp_path_factory.mktemp("local-ecr")
    with LocalEcr(folder / "data") as server:
        _set_environment(monkeypatch, server, folder)
        session = _exchange_boto3_session(None)
        try:
            yield server
        finally:
            _exchange_boto3_session(session)


def _set_environment(monkeypatch: pytest.MonkeyPatch, server: LocalEcr, folder: Path) -> None:
    for name in _MISLEADING_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, file in _NO_CONFIGURATION.items():
        monkeypatch.setenv(name, str(folder / file))  # a missing file counts as empty
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1", prepend=",")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)


def _exchange_boto3_session(session: object) -> object:
    """Replace boto3's default session, which keeps credentials, and return the earlier one; None without boto3."""
    boto3: Any = sys.modules.get("boto3")
    if boto3 is None:
        return None
    earlier_session: object = boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION = session
    return earlier_session
