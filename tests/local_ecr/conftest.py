"""A local ECR for each test, an SDK client that checks it against the API model, and a plain registry client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient
from tests.local_ecr.model import check
from tests.local_ecr.shell import Shell
from tests.local_ecr.signing_project import PASSWORD, Signing
from tests.support.api_models import read_once
from tests.support.scripts import path_with_clients

read_once()


@pytest.fixture
def ecr(tmp_path: Path) -> Iterator[LocalEcr]:
    """A running local ECR."""
    with LocalEcr(tmp_path / "ecr", account="123456789012", region="eu-west-1") as server:
        yield server


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """A session for all tests, which reads the API model once."""
    return boto3.Session(aws_access_key_id="AKIALOCAL", aws_secret_access_key="none", region_name="eu-west-1")


def make_client(session: boto3.Session, endpoint: str, service: str = "ecr", region: str | None = None) -> Any:
    """Return an SDK client; one for ECR checks every response against the API model.

    ``region`` is the session's if it is None.
    """
    settings = Config(retries={"max_attempts": 1}, parameter_validation=False, tcp_keepalive=True)
    client = session.client(service, region, endpoint_url=endpoint, config=settings)  # type: ignore[call-overload]
    if service.startswith("ecr"):
        client.meta.events.register(f"after-call.{service}", check)
    return client


@pytest.fixture
def api(ecr: LocalEcr, session: boto3.Session) -> Any:
    """The ECR API through boto3, which checks every response against the API model."""
    return make_client(session, ecr.endpoint)


@pytest.fixture
def repository(api: Any) -> str:
    """The name of an empty, mutable repository."""
    api.create_repository(repositoryName="team/app")
    return "team/app"


@pytest.fixture
def http(ecr: LocalEcr, repository: str) -> HttpClient:
    """A client of the registry that is logged in; there is one repository."""
    return HttpClient.logged_in(ecr)


@pytest.fixture
def shell(ecr: LocalEcr, tmp_path: Path) -> Shell:
    """A user's project beside the local ECR."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Shell(ecr, folder)


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """Return name and message of the exception that a call raises."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def signing_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put cosign and notation on PATH, for fixtures that are made after it."""
    monkeypatch.setenv("PATH", path_with_clients(os.environ["PATH"]))


@pytest.fixture
def signing(
    ecr: LocalEcr, api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signing_programs: None
) -> Iterator[Signing]:
    """A project that signs, whose keys have a password."""
    monkeypatch.setenv("COSIGN_PASSWORD", PASSWORD)
    monkeypatch.setenv("NOTATION_CONFIG", str(tmp_path / "notation"))
    folder = tmp_path / "keys"
    folder.mkdir()
    made = Signing(ecr, api, folder)
    yield made
    made.config.close()
