"""A role's credentials for a CI's token, with a token service and the local STS: fetched, renewed, refused."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.stub import Stubber

from ecr_tasks.clients.ecr import session as session_module
from ecr_tasks.clients.ecr import web_identity
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import AwsError
from ecr_tasks.local_ecr.server import LocalEcr
from tests.ci.oidc.jwt import jwt
from tests.support.build import settings
from tests.support.roles import create_role

BEARER = "the-bearer-that-asks"


@dataclass
class TokenService:
    """A CI's token endpoint, with prepared answers and the requests that it got."""

    url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    tokens: int = 0

    def next(self, key: str) -> tuple[int, bytes]:
        """Return the next prepared answer, else a new token."""
        if self.answers:
            return self.answers.pop(0)
        self.tokens += 1
        token = jwt(sub=f"repo:o/r:ref:refs/heads/main#{self.tokens}", iss="https://ci.example")
        return 200, json.dumps({key: token}).encode()


@pytest.fixture
def service() -> Iterator[TokenService]:
    """A token service on 127.0.0.1, for GitHub (GET) and Azure (POST)."""
    service = TokenService()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer("value")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.answer("oidcToken")

        def answer(self, key: str) -> None:
            service.requests.append((self.command, self.path, self.headers.get("Authorization")))
            status, body = service.next(key)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def github(service: TokenService, ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch) -> TokenService:
    """The environment of a GitHub Actions job without any AWS credentials."""
    for name, text in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "17",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{service.url}?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return service


def aws(ecr: LocalEcr, role: str | None = None) -> AwsSession:
    """Return the clients of a project whose .env names the endpoints."""
    endpoints = {"AWS_ENDPOINT_URL_ECR": ecr.endpoint, "AWS_ENDPOINT_URL_STS": ecr.endpoint}
    return AwsSession(
        settings(
            region=ecr.region,
            role_arn=role or f"arn:aws:iam::{ecr.account}:role/ci",
            sdk_environment=endpoints,
        )
    )


def refused(ecr: LocalEcr, role: str | None = None) -> str:
    """Return the error of a job that can't assume the role, and check that it does not contain the bearer."""
    with pytest.raises(AwsError) as caught:
        aws(ecr, role).sts()
    assert BEARER not in str(caught.value)
    return str(caught.value)


def test_github_hands_out_a_token_for_the_role(ecr: LocalEcr, github: TokenService) -> None:
    session = aws(ecr)
    assert session.sts().get_caller_identity()["Arn"].endswith(":assumed-role/ci/ecr-tasks-o-r-17")
    assert session.ecr().describe_repositories()["repositories"] == []
    assert github.requests == [("GET", "/token?api-version=2.0&audience=sts.amazonaws.com", f"Bearer {BEARER}")]
    assert ecr.requests()["AssumeRoleWithWebIdentity"] == 1
    assert "AssumeRole" not in ecr.requests()


def test_credentials_that_run_out_are_renewed_with_a_new_token(
    ecr: LocalEcr, github: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts = aws(ecr).sts()
    sts.get_caller_identity()
    assert github.tokens == 1
    credentials = sts._request_signer._credentials  # type: ignore[attr-defined]
    monkeypatch.setattr(credentials, "_expiry_time", credentials._time_fetcher())
    sts.get_caller_identity()
    assert github.tokens == 2
    assert ecr.requests()["AssumeRoleWithWebIdentity"] == 2


def test_a_renewal_that_fails_is_an_error_and_no_traceback(
    ecr: LocalEcr, github: TokenService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sts = aws(ecr).sts()
    credentials = sts._request_signer._credentials  # type: ignore[attr-defined]
    monkeypatch.setattr(credentials, "_expiry_time", credentials._time_fetcher())
    github.answers = [(403, b"")]
    caplog.clear()
    with caplog.at_level(logging.WARNING), pytest.raises(AwsError, match="HTTP status 403"):
        sts.get_caller_identity()
    assert caplog.records == []


def test_an_explicit_token_needs_no_service(ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ID_TOKEN", jwt(sub="project_path:g/app"))
    assert "assumed-role/ci" in aws(ecr).sts().get_caller_identity()["Arn"]
    assert ecr.requests()["AssumeRoleWithWebIdentity"] == 1


def test_a_token_goes_before_stored_keys(
    ecr: LocalEcr, github: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOCAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    aws(ecr).sts().get_caller_identity()
    assert ecr.requests()["AssumeRoleWithWebIdentity"] == 1


def test_without_a_token_the_sdks_credentials_assume_the_role(ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in ecr.environment().items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "assumed-role/ci" in aws(ecr).sts().get_caller_identity()["Arn"]
    assert ecr.requests()["AssumeRole"] == 1
    assert "AssumeRoleWithWebIdentity" not in ecr.requests()


def test_azure_hands_out_a_token(ecr: LocalEcr, service: TokenService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", service.url)
    monkeypatch.setenv("SYSTEM_ACCESSTOKEN", BEARER)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    aws(ecr).sts()
    assert service.requests == [("POST", "/token?api-version=7.1-preview.1", f"Bearer {BEARER}")]
    assert ecr.requests()["AssumeRoleWithWebIdentity"] == 1


def test_a_job_without_the_permission_is_told_which(
    ecr: LocalEcr, github: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL")
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    assert "permissions: id-token: write" in refused(ecr)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([(403, b"no")], "answered with HTTP status 403"),
        ([(302, b"")], "answered with HTTP status 302"),
        ([(500, b"")] * 3, "answered with HTTP status 500. Run it again"),
        ([(200, b"<html>")], "is no OpenID Connect token"),
        ([(200, b"[]")], "is no OpenID Connect token"),
        ([(200, b'{"value": 1}')], "is no OpenID Connect token"),
    ],
)
def test_a_service_that_gives_none(
    ecr: LocalEcr, github: TokenService, answers: list[tuple[int, bytes]], sentence: str
) -> None:
    github.answers = list(answers)
    assert sentence in refused(ecr)
    assert len(github.requests) == len(answers)


def test_a_service_that_stumbles_is_asked_again(ecr: LocalEcr, github: TokenService) -> None:
    github.answers = [(503, b""), (500, b"")]
    aws(ecr).sts()
    assert len(github.requests) == 3


def test_a_service_that_is_not_there(ecr: LocalEcr, github: TokenService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:1/")
    assert "could not be reached" in refused(ecr)


def test_a_role_that_does_not_trust_the_token(ecr: LocalEcr, github: TokenService) -> None:
    create_role(ecr.endpoint, "210987654321", "ci", trusts={"AWS": "210987654321"})
    sentence = refused(ecr, "arn:aws:iam::210987654321:role/ci")
    assert 'its subject is "repo:o/r:ref:refs/heads/main#1"' in sentence
    assert "iam.trust" in sentence


@pytest.mark.parametrize(
    ("code", "message", "sentence"),
    [
        ("InvalidIdentityToken", "Incorrect token audience", 'for the audience "wrong"'),
        (
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://ci.example",
            "provider for https://ci.example",
        ),
        ("ExpiredTokenException", "Token expired", "has expired"),
        ("IDPCommunicationError", "timeout", "IDPCommunicationError"),
        ("AccessDenied", "Not authorized", "does not trust"),
        ("ThrottlingException", "Rate exceeded", "slow down"),
    ],
)
def test_what_sts_refuses_is_said_with_cause_and_remedy(
    ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch, code: str, message: str, sentence: str
) -> None:
    token = jwt(sub="repo:o/r", aud="wrong", iss="https://ci.example")
    client = web_identity._client(session_module.core_session(os.environ))
    monkeypatch.setattr(web_identity, "_client", lambda core: client)
    monkeypatch.setenv("AWS_ID_TOKEN", token)
    with Stubber(client) as stub:
        stub.add_client_error("assume_role_with_web_identity", code, f"{message} {token}")
        message_shown = refused(ecr)
    assert sentence in message_shown
    assert token not in message_shown
    assert "the-signature" not in message_shown


def test_the_endpoint_is_the_regions_own_and_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    core = session_module.core_session(os.environ)
    core.set_config_variable("region", "us-west-2")
    client = web_identity._client(core)
    assert client.meta.endpoint_url == "https://sts.us-west-2.amazonaws.com"
    assert client._request_signer._credentials is None  # type: ignore[attr-defined]


def test_the_token_is_in_no_log_however_much_is_logged(
    ecr: LocalEcr, github: TokenService, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        aws(ecr).sts().get_caller_identity()
    assert "the-signature" not in caplog.text
    assert BEARER not in caplog.text
