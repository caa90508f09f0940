"""Tests with a real engine of tokens that end before a run does: after seconds, or amid the requests of a push."""

from __future__ import annotations

import base64
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from ecr_tasks.local_ecr import auth
from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

LIFETIME = 4
HOURS = 12 * 3600


@pytest.fixture(params=["as ECR says", "before ECR says"])
def app(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    engine: dict[str, str],
    local_ecr: LocalEcr,
    tiny_base: str,
) -> Project:
    """Return a project whose build takes longer than a token is valid, and needs one before.

    A token may end earlier than its `expiresAt`, with the session of the role that it was fetched with. Once one was
    refused, the next are valid for hours: on a busy machine, what follows may take longer than a few seconds, too.
    """
    lifetimes = [LIFETIME]
    check = auth.Tokens.check_password

    def authorization_token(self: auth.Tokens, principal: str = "") -> tuple[str, int]:
        now = int(time.time())
        token = f"{auth.USER}:{self.password(now + lifetimes[-1], principal)}"
        said = lifetimes[-1] if request.param == "as ECR says" else HOURS
        return base64.b64encode(token.encode()).decode(), now + said

    def check_password(self: auth.Tokens, password: str) -> str:
        try:
            return check(self, password)
        except auth.Denied as error:
            if error.expired:
                lifetimes.append(HOURS)
            raise

    monkeypatch.setattr(auth.Tokens, "authorization_token", authorization_token)
    monkeypatch.setattr(auth.Tokens, "check_password", check_password)
    dockerfile = f"FROM {tiny_base}\nCOPY hello.txt /\nRUN : {tmp_path} && sleep {LIFETIME + 3}\n"
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    environ["ECR_CACHE"] = f"type=registry,ref={local_ecr.registry}/team/app:cache"
    return project(tmp_path / "app", environ, dockerfile)


def test_a_token_is_renewed_before_what_follows_a_long_build(app: Project, local_ecr: LocalEcr) -> None:
    lines = app.ok("build", "push", ECR_DESTINATIONS=f"{local_ecr.account}/eu-west-3").lines
    assert len(lines) == 2
    app.ok("promote", app.receipt["images"][0]["published"][0]["tags"][0], "--tag", "golden")


def test_a_build_that_pushes_by_itself_is_begun_again(app: Project, sbom_scanner: str) -> None:
    """The attestations of the supply-chain preset stay with the builder, which pushes them."""
    app.ok("build", "push", ECR_PRESET="supply-chain")


@pytest.mark.parametrize("requests", [2, 9])
def test_a_token_may_end_in_the_middle_of_a_push_and_of_a_copy(
    requests: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    engine: dict[str, str],
    local_ecr: LocalEcr,
) -> None:
    """The first token of each registry is refused after some requests; the layers that it has sent are there."""
    check, used, first = auth.Tokens.check_password, Counter[str](), dict[auth.Tokens, str]()

    def check_password(self: auth.Tokens, password: str) -> str:
        used[password] += 1
        if first.setdefault(self, password) == password and used[password] > requests:
            raise auth.Denied(auth.EXPIRED, expired=True)
        return check(self, password)

    monkeypatch.setattr(auth.Tokens, "check_password", check_password)
    layers = "".join(f"COPY {number} /\n" for number in range(4))
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    app = project(tmp_path / "app", environ, f"FROM scratch\n{layers}")
    for number in range(4):
        app.write(str(number), f"{uuid.uuid4()}")
    app.commit()
    result = app.ok("build", "push", ECR_DESTINATIONS=f"{local_ecr.account}/eu-west-3")
    assert len(result.lines) == len(first) == 2
    assert result.stderr.count("once more with a new token") == 2
