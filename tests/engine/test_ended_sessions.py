"""Tests with a real engine of AWS sessions that end while a build runs: those that can be renewed, and others."""

from __future__ import annotations

import base64
import math
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ecr_tasks.local_ecr import auth, roles
from ecr_tasks.local_ecr.ecr_api import dispatch
from ecr_tasks.local_ecr.errors import EcrError
from ecr_tasks.local_ecr.http.messages import Request
from ecr_tasks.local_ecr.registry import Registry
from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

PROCESS = """#!{python}
import json, time, uuid
end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
keys = {{"AccessKeyId": "ASIA" + uuid.uuid4().hex[:16].upper(), "SecretAccessKey": "s", "SessionToken": "t"}}
print(json.dumps({{"Version": 1, **keys, "Expiration": end}}))
"""


@dataclass
class Sessions:
    """The access keys that the local ECR has seen, and those that it refuses, with the tokens fetched with them."""

    url: str = ""
    seen: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)
    last_call: float = math.inf


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    """Let every session end that is in use when a build fetches the file at ``url``.

    The build begins before the registry has been looked at, and waits for its file until nothing more is asked.
    """
    found, calling = Sessions(), threading.local()

    def caller(default: Registry, request: Request) -> str:
        calling.key = (auth.signer(request.headers.get("Authorization")) or ("", ""))[0]
        found.seen.add(calling.key)
        found.last_call = time.monotonic()
        if calling.key in found.ended:
            raise EcrError("ExpiredTokenException", "The security token included in the request is expired")
        return roles.caller(default, request)

    make, check = auth.Tokens.authorization_token, auth.Tokens.check_password

    def authorization_token(self: auth.Tokens, principal: str = "") -> tuple[str, int]:
        token, end = make(self, principal)
        found.tokens[base64.b64decode(token).decode().partition(":")[2]] = calling.key
        return token, end

    def check_password(self: auth.Tokens, password: str) -> str:
        if found.tokens[password] in found.ended:
            raise auth.Denied(auth.EXPIRED, expired=True)
        return check(self, password)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            while time.monotonic() < found.last_call + 4:
                time.sleep(0.05)
            found.ended |= found.seen
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the name of the base class

    monkeypatch.setattr(dispatch, "caller", caller)
    monkeypatch.setattr(auth.Tokens, "authorization_token", authorization_token)
    monkeypatch.setattr(auth.Tokens, "check_password", check_password)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}/file"
        yield found
        server.shutdown()


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, sessions: Sessions) -> Project:
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    return project(tmp_path / "app", environ, f"FROM scratch\nADD {sessions.url} /\nCOPY hello.txt /\n")


def test_a_session_that_ends_during_the_build_is_renewed(app: Project, sessions: Sessions, tmp_path: Path) -> None:
    process = tmp_path / "process"
    process.write_text(PROCESS.format(python=sys.executable), encoding="utf-8")
    process.chmod(0o755)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {process}\n", encoding="utf-8")
    app.environ["AWS_CONFIG_FILE"] = str(tmp_path / "config")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del app.environ[name]
    assert len(app.ok("build", "push").lines) == 1
    assert sessions.ended


def test_what_was_built_is_pushed_with_new_keys_where_a_session_cannot_be_renewed(app: Project) -> None:
    app.environ["AWS_SESSION_TOKEN"] = "not-for-eyes"
    failed = app.inv("push")
    assert (failed.code, failed.stdout) == (4, "")
    assert "The AWS credentials have expired, so we could not create the repository" in failed.stderr
    pushed = app.ok("push", AWS_ACCESS_KEY_ID="ASIANEWKEYS")
    assert "building with" not in pushed.stderr
    assert pushed.lines[0].endswith(app.receipt["images"][0]["digest"])
