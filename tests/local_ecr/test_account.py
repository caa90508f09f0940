"""What AWS says of an account, from an endpoint on this machine that answers as STS, IAM and ECR do."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest

from ecr_tasks.clients.ecr.account import AwsAccount
from ecr_tasks.errors import AwsError, SettingsError
from ecr_tasks.model.account import Caller, Need
from ecr_tasks.settings.load import load

ACCOUNT = "123456789012"
REPOSITORY = f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/team/app"
CALLER = Caller(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/push/me")


class FakeAws:
    """The endpoint: ``ahead`` seconds are added to its time, ``denied`` are ECR's and IAM's actions that it refuses.

    ``decisions`` are IAM's by action; without them nobody may ask it.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self.denied: set[str] = set()
        self.decisions: dict[str, str] = {}
        self.fault = ""
        self.policy: dict[str, Any] = {}
        self.calls: list[str] = []
        self.context: dict[str, str] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, kind, text = fake.answer(self.headers.get("X-Amz-Target"), body)
                self.send_response_only(status)
                self.send_header("Date", formatdate(time.time() + fake.ahead, usegmt=True))
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, target: str | None, body: str) -> tuple[int, str, str]:
        """Return the status, the type and the body of an answer."""
        if target is not None:
            action = target.rpartition(".")[2]
            self.calls.append(action)
            if action in self.denied:
                return _json(400, {"__type": "AccessDeniedException", "message": f"not authorized: ecr:{action}"})
            if action == "GetRepositoryPolicy" and self.policy:
                return _json(200, {"policyText": json.dumps(self.policy)})
            if self.fault:
                return _json(400, {"__type": self.fault, "message": "try later"})
            return _json(400, {"__type": "ImageNotFoundException", "message": "there is none"})
        form = parse_qs(body)
        action = form["Action"][0]
        self.calls.append(action)
        if action == "SimulatePrincipalPolicy" and self.decisions:
            entries = {key: values[0] for key, values in form.items() if key.startswith("ContextEntries.")}
            self.context = {key.rpartition(".member.")[2]: value for key, value in entries.items()}
            names = [values[0] for key, values in form.items() if key.startswith("ActionNames.")]
            results = "".join(
                f"<member><EvalActionName>{name}</EvalActionName>"
                f"<EvalDecision>{self.decisions.get(name, 'allowed')}</EvalDecision></member>"
                for name in names
            )
            return 200, "text/xml", _xml(action, f"<EvaluationResults>{results}</EvaluationResults>")
        if action == "GetCallerIdentity":
            identity = f"<Arn>{CALLER.arn}</Arn><UserId>x</UserId><Account>{ACCOUNT}</Account>"
            return 200, "text/xml", _xml(action, identity)
        error = f"<Error><Code>AccessDenied</Code><Message>not authorized: {action}</Message></Error>"
        return 403, "text/xml", f"<ErrorResponse>{error}</ErrorResponse>"


def _json(status: int, document: Any) -> tuple[int, str, str]:
    return status, "application/x-amz-json-1.1", json.dumps(document)


def _xml(action: str, result: str) -> str:
    return f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    fake = FakeAws()
    Thread(target=fake.server.serve_forever, daemon=True).start()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ECR", "STS", "IAM"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", fake.endpoint)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def account(tmp_path: Path, **environ: str) -> AwsAccount:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7ABCDEFG", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-central-1"}
    os.environ.update({**keys, **environ})
    return AwsAccount(load(tmp_path, environ=dict(os.environ)))


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let monkeypatch restore what ``account`` sets."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize("seconds", [-3600, 0, 3600])
def test_the_clock_is_known_without_a_key(aws: FakeAws, tmp_path: Path, seconds: int) -> None:
    aws.ahead = -seconds
    assert abs(account(tmp_path).clock_ahead() - seconds) < 60


def test_credentials_have_their_source_and_no_secret(aws: FakeAws, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile dev]\nregion = eu-central-1\n")
    found = account(tmp_path, AWS_PROFILE="dev").credentials()
    assert (found.method, found.key_end, found.is_temporary, found.hidden_profile) == ("env", "DEFG", False, "dev")


def test_an_ended_sso_session_names_the_command_for_its_profile(aws: FakeAws, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile dev]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-central-1\n"
        f"sso_account_id = {ACCOUNT}\nsso_role_name = dev\n"
    )
    with pytest.raises(AwsError) as raised:
        account(tmp_path, AWS_PROFILE="dev", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="").credentials()
    assert "`aws sso login --profile dev`" in raised.value.remedy


def test_a_role_with_mfa_asks_nobody(aws: FakeAws, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        f"[profile dev]\nrole_arn = arn:aws:iam::{ACCOUNT}:role/x\nsource_profile = keys\n"
        f"mfa_serial = arn:aws:iam::{ACCOUNT}:mfa/me\n[profile keys]\naws_access_key_id = a\n"
        "aws_secret_access_key = b\n"
    )
    with pytest.raises(AwsError, match="MFA code"):
        account(tmp_path, AWS_PROFILE="dev", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="").credentials()


def test_a_credential_process_that_hangs_is_ended(aws: FakeAws, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        f"[profile dev]\ncredential_process = sh -c 'echo > {tmp_path}/on; exec sleep 600'\n"
    )
    hanging = account(tmp_path, AWS_PROFILE="dev", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    errors: list[Exception] = []

    def ask() -> None:
        try:
            hanging.credentials()
        except AwsError as error:
            errors.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    while not (tmp_path / "on").exists():
        time.sleep(0.01)
    while thread.is_alive():
        hanging.close()
        thread.join(0.1)
    assert len(errors) == 1


def test_a_mistyped_region_has_one_that_is_similar(aws: FakeAws, tmp_path: Path) -> None:
    found = account(tmp_path, AWS_REGION="eu-centrall-1").region()
    assert (found.is_known, found.similar) == (False, "eu-central-1")
    assert account(tmp_path, AWS_REGION="eu-central-1").region().is_known
    with pytest.raises(SettingsError, match="No region"):
        account(tmp_path, AWS_REGION="").region()


def wanted(*actions: str) -> list[Need]:
    return [Need(f"ecr:{action}", "*" if action == "GetAuthorizationToken" else REPOSITORY) for action in actions]


def test_iam_decides_where_it_may_be_asked(aws: FakeAws, tmp_path: Path) -> None:
    aws.decisions = {"ecr:PutImage": "explicitDeny"}
    found = account(tmp_path).permissions(CALLER, wanted("InitiateLayerUpload", "PutImage"))
    assert [(item.verdict, item.how) for item in found] == [
        ("allowed", "simulated by IAM"),
        ("denied", "simulated by IAM"),
    ]
    assert {"PutImage", "InitiateLayerUpload"}.isdisjoint(aws.calls)


def test_reading_actions_are_tried_and_others_are_not(aws: FakeAws, tmp_path: Path) -> None:
    aws.denied = {"BatchGetImage"}
    found = account(tmp_path).permissions(CALLER, wanted("DescribeImages", "BatchGetImage", "PutImage"))
    assert [item.verdict for item in found] == ["allowed", "denied", "unknown"]
    assert "PutImage" not in aws.calls


def test_what_iam_does_not_allow_may_be_allowed_by_the_repository(aws: FakeAws, tmp_path: Path) -> None:
    aws.decisions = {"ecr:DescribeImages": "implicitDeny"}
    (found,) = account(tmp_path).permissions(CALLER, wanted("DescribeImages"))
    assert (found.verdict, found.how) == ("allowed", "tried")


def test_a_key_that_is_named_by_an_alias_may_be_allowed_by_its_arn(aws: FakeAws, tmp_path: Path) -> None:
    aws.decisions = {"kms:CreateGrant": "implicitDeny"}
    asked = [Need("kms:CreateGrant", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{key}") for key in ("*", "1234")]
    assert [item.verdict for item in account(tmp_path).permissions(CALLER, asked)] == ["unknown", "denied"]


def test_iam_is_told_that_ecr_uses_the_key(aws: FakeAws, tmp_path: Path) -> None:
    aws.decisions = {"kms:CreateGrant": "allowed"}
    account(tmp_path).permissions(CALLER, [Need("kms:CreateGrant", f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:key/1")])
    assert "ecr.cn-north-1.amazonaws.com.cn" in aws.context.values()


def test_what_goes_wrong_with_several_trials_is_one_reason(aws: FakeAws, tmp_path: Path) -> None:
    aws.fault = "ServerException"
    found = account(tmp_path).permissions(CALLER, wanted("DescribeImages", "BatchGetImage", "ListImages"))
    assert {item.verdict for item in found} == {"unknown"}
    assert len({item.how for item in found}) == 1


def test_the_root_user_may_do_everything(aws: FakeAws, tmp_path: Path) -> None:
    root = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")
    (found,) = account(tmp_path).permissions(root, wanted("PutImage"))
    assert found.verdict == "allowed"


def test_an_upload_that_the_repositorys_policy_may_allow_is_unknown(aws: FakeAws, tmp_path: Path) -> None:
    aws.decisions = {"ecr:PutImage": "implicitDeny", "ecr:InitiateLayerUpload": "implicitDeny"}
    aws.policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["ecr:Put*"]}]}
    found = account(tmp_path).permissions(CALLER, wanted("PutImage", "InitiateLayerUpload"))
    assert [item.verdict for item in found] == ["unknown", "denied"]
