"""Logging in: the challenge, the token, and what is refused."""

from __future__ import annotations

import base64
import stat
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.auth import LIFETIME, Denied, Tokens
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def test_a_client_without_credentials_is_challenged(ecr: LocalEcr) -> None:
    answer = HttpClient(ecr.registry).send("GET", "/v2/")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == f'Basic realm="{ecr.endpoint}/",service="ecr.amazonaws.com"'
    assert answer.error[1] == "UNAUTHORIZED"


def test_the_token_logs_in(ecr: LocalEcr, api: Any) -> None:
    before = int(time.time())
    (data,) = api.get_authorization_token()["authorizationData"]
    assert data["proxyEndpoint"] == ecr.endpoint
    assert before + LIFETIME <= data["expiresAt"].timestamp() <= time.time() + LIFETIME
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    assert HttpClient(ecr.registry).send("GET", "/v2/", Authorization=basic(f"AWS:{password}")).status == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer abc",
        "Basic",
        "Basic !!!",
        basic("AWS"),
        basic("AWS:"),
        basic("AWS:no token"),
        basic("AWS:" + base64.urlsafe_b64encode(b"1.99999999999.00.00").decode()),
        basic("AWS:" + base64.urlsafe_b64encode(b"").decode()),
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_malformed_token_is_refused(ecr: LocalEcr, header: str) -> None:
    answer = HttpClient(ecr.registry).send("GET", "/v2/", Authorization=header)
    assert answer.error == (401, "UNAUTHORIZED", "Not Authorized")


def test_another_user_is_refused(http: HttpClient) -> None:
    assert http.send("GET", "/v2/", Authorization=basic(f"root:{http.password()}")).status == 401


def test_an_expired_token_is_refused_with_a_text_that_says_so(ecr: LocalEcr) -> None:
    old = Tokens(ecr.root).password(int(time.time()) - 1)
    answer = HttpClient(ecr.registry).send("GET", "/v2/", Authorization=basic(f"AWS:{old}"))
    assert answer.error == (
        403,
        "DENIED",
        "Your authorization token has expired. Reauthenticate and try again.",
    )


def test_a_token_survives_a_restart(tmp_path: Path) -> None:
    server = LocalEcr(tmp_path)
    with server:
        token = HttpClient.logged_in(server).token
    with server:
        assert HttpClient(server.registry, token).send("GET", "/v2/").status == 200


def test_a_token_of_another_local_ecr_is_refused(ecr: LocalEcr, tmp_path: Path) -> None:
    with LocalEcr(tmp_path / "other") as other:
        token = HttpClient.logged_in(other).token
    assert HttpClient(ecr.registry, token).send("GET", "/v2/").status == 401


def test_the_files_are_private(ecr: LocalEcr) -> None:
    ecr.set_findings([])
    ecr.set_replication()
    names = {file.name for file in ecr.root.iterdir() if file.is_file()}
    assert {"secret", "store.sqlite3", "access.jsonl", "serving.json", "findings.json", "replication.json"} <= names
    for name in names:
        assert stat.S_IMODE((ecr.root / name).stat().st_mode) == 0o600
    for name in ("blobs", "uploads"):
        assert stat.S_IMODE((ecr.root / name).stat().st_mode) == 0o700


def test_a_download_token_is_good_for_one_layer_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(tmp_path)
    token = tokens.download_token("app", "sha256:00")
    tokens.check_download_token(token, "app", "sha256:00")
    with pytest.raises(Denied):
        tokens.check_download_token(token, "app", "sha256:01")
    with pytest.raises(Denied):
        tokens.check_download_token("", "app", "sha256:00")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    with pytest.raises(Denied) as late:
        tokens.check_download_token(token, "app", "sha256:00")
    assert late.value.expired


def test_registry_ids(ecr: LocalEcr, api: Any) -> None:
    assert len(api.get_authorization_token(registryIds=[ecr.account])["authorizationData"]) == 1
    name, _ = refused(api.get_authorization_token, registryIds=["210987654321"])
    assert name == "InvalidParameterException"


def test_a_web_page_may_not_push(http: HttpClient) -> None:
    assert http.send("POST", "/", b"{}", Origin="http://evil.example").status == 403
    assert http.send("POST", "/v2/team/app/blobs/uploads/", Origin="http://evil.example").status == 403


def test_a_refused_upload_does_not_break_the_connection(ecr: LocalEcr, repository: str) -> None:
    client = HTTPConnection(ecr.registry, timeout=10)
    for size in (10, 200_000, 3_000_000):
        client.request("POST", f"/v2/{repository}/blobs/uploads/?digest=sha256:0", b"x" * size)
        response = client.getresponse()
        assert response.status == 401
        response.read()
