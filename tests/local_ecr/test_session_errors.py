"""Real profile files and variables that botocore can't use: a cause, a remedy that fits, exit code 4, no secret."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import AwsError, EcrTasksError
from tests.clients.ecr.test_errors import client_error
from tests.support.build import settings

ROLE = "role_arn = arn:aws:iam::111122223333:role/x\n"
KEYS = "[profile keys]\naws_access_key_id = AKIAKEYS\naws_secret_access_key = hush-hush\n"
SSO = "sso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = dev\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home folder, in an environment without settings for AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    return tmp_path


def failure(home: Path, profile: str, **variables: str) -> AwsError:
    """Return the error of a question to ECR with a profile ``p`` in ~/.aws/config."""
    (home / ".aws" / "config").write_text(profile, encoding="utf-8")
    choice = {"AWS_PROFILE": "p"} if profile else {}
    aws = AwsSession(settings(region="eu-west-1", sdk_environment={"AWS_MAX_ATTEMPTS": "1", **choice, **variables}))
    with pytest.raises(EcrTasksError) as caught, translate_errors("look at it"):
        aws.ecr().describe_repositories()
    error = caught.value
    assert isinstance(error, AwsError)
    assert error.cause.endswith(".")
    assert error.remedy.endswith(".")
    assert "\n" not in error.cause
    assert "hush-hush" not in str(error)
    return error


@pytest.mark.parametrize(
    ("profile", "cause", "remedy"),
    [
        ("credential_process = /nowhere/creds", "/nowhere/creds can't be started (No such file", "by hand"),
        ("credential_process = /etc/passwd", "/etc/passwd can't be started (Permission denied", "by hand"),
        ("credential_process = false", "failed without a word", "by hand"),
        ("credential_process = sh -c 'echo the vault is locked >&2; exit 1'", "the vault is locked", "by hand"),
        ("credential_process = echo junk", "printed no credentials", "by hand"),
        ("credential_process = echo []", "printed no credentials", "by hand"),
        ('credential_process = echo "unclosed', "printed no credentials", "by hand"),
        ("credential_process = echo {}", "Unsupported version", "by hand"),
        (f"{ROLE}source_profile = keys\nmfa_serial = arn:aws:iam::1:mfa/me\n{KEYS}", "MFA code", "terminal"),
        (f"{ROLE}source_profile = q\n[profile q]\n{ROLE}source_profile = p", "Infinite loop", "~/.aws/config"),
        (f"{ROLE}source_profile = nosuch", '"nosuch"', "~/.aws/config"),
        (ROLE, "source_profile or credential_source is missing", "Set it"),
        ("aws_access_key_id = AKIAKEYS", "aws_secret_access_key is missing", "Set it"),
        (SSO, "SSO session", "aws sso login"),
        ("sso_session = nosuch\nsso_account_id = 1\nsso_role_name = dev", '"nosuch"', "~/.aws/config"),
        ("login_session = arn:aws:iam::111122223333:user/me", "botocore[crt]", f"Run `{sys.executable} -m pip"),
        ("region = eu-west-1", "no AWS credentials", "AWS_PROFILE"),
    ],
)
def test_a_profile_that_gives_no_credentials(home: Path, profile: str, cause: str, remedy: str) -> None:
    error = failure(home, f"[profile p]\n{profile}\n")
    assert cause in error.cause
    assert remedy in error.remedy


def test_nobody_is_asked_for_an_mfa_code_in_a_ci(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: pytest.fail("asked"))
    profile = f"[profile p]\n{ROLE}source_profile = keys\nmfa_serial = arn:aws:iam::1:mfa/me\n{KEYS}"
    assert "MFA code" in failure(home, profile, CI="true").cause


def test_a_credential_process_that_nobody_can_answer_has_its_time(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecr_tasks.clients.ecr.botocore_session.PROCESS_SECONDS", 0.2)
    error = failure(home, "[profile p]\ncredential_process = sleep 600\n")
    assert "it took longer than 0 seconds, and nobody can answer it here" in error.cause


def test_what_a_credential_process_says_shows_no_secret(home: Path) -> None:
    secret = "tJalrXUtnFEMI/K7MDENG/bPxRfiCYhushhushhu"
    said = f"the vault of team-payments gave {secret} and no id, see /etc/vault/config.yaml"
    error = failure(home, f"[profile p]\ncredential_process = sh -c 'echo {said} >&2; exit 1'\n")
    assert "the vault of team-payments gave *** and no id, see /etc/vault/config.yaml" in error.cause


@pytest.mark.parametrize("text", ["junk without a section\n", "[profile p\nregion\n"])
def test_a_configuration_file_that_is_none_is_named(home: Path, text: str) -> None:
    assert str(home / ".aws" / "config") in failure(home, text).cause


@pytest.mark.parametrize(
    ("end", "cause"), [("2020-01-01T00:00:00Z", "have expired"), ("2030-01-01T00:00:00", "no time zone")]
)
def test_keys_that_the_environment_says_have_ended(home: Path, end: str, cause: str) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_CREDENTIAL_EXPIRATION": end}
    error = failure(home, "", **keys)
    assert cause in error.cause
    assert "AWS_CREDENTIAL_EXPIRATION" in error.remedy


def test_an_unknown_profile_is_named(home: Path) -> None:
    error = failure(home, "[profile q]\nregion = eu-west-1\n")
    assert "(p)" in error.cause
    assert "AWS_PROFILE" in error.remedy


@pytest.mark.parametrize("content", ["{}", "not json", '{"accessToken": "x", "expiresAt": "2020-01-01T00:00:00Z"}'])
def test_a_damaged_or_old_sso_session_is_begun_again(home: Path, content: str) -> None:
    import hashlib

    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    name = hashlib.sha1(b"https://x.awsapps.com/start", usedforsecurity=False).hexdigest()
    (cache / f"{name}.json").write_text(content, encoding="utf-8")
    assert "aws sso login" in failure(home, f"[profile p]\n{SSO}").remedy


GIVEN = {"AWS_ACCESS_KEY_ID": "AKIAKEYS", "AWS_SECRET_ACCESS_KEY": "hush-hush"}


@pytest.mark.parametrize(
    ("variables", "cause", "remedy"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIAKEYS"}, "AWS_SECRET_ACCESS_KEY is missing (from env)", "Set it"),
        ({**GIVEN, "AWS_ENDPOINT_URL_ECR": "junk"}, "Invalid endpoint: junk", "Correct"),
        ({**GIVEN, "AWS_ENDPOINT_URL_ECR": "http://[::1"}, "Invalid IPv6 URL", "Correct"),
        ({**GIVEN, "AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:9"}, "http://127.0.0.1:9", "inv local"),
        ({**GIVEN, "AWS_ENDPOINT_URL_ECR": "https://ecr.invalid"}, "https://ecr.invalid", "network"),
        ({**GIVEN, "AWS_CONFIG_FILE": "/bin/ls"}, "/bin/ls", "Correct"),
        ({**GIVEN, "AWS_DEFAULTS_MODE": "junk"}, "defaults mode: junk", "Correct"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x"},
         "/nowhere/token can't be used: No such file", "Correct"),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/"}, "container", "AWS_PROFILE"),
    ],
)  # fmt: skip
def test_variables_that_the_sdk_can_t_use(home: Path, variables: dict[str, str], cause: str, remedy: str) -> None:
    error = failure(home, "", **variables)
    assert cause in error.cause
    assert remedy in error.remedy


def test_a_proxy_that_does_not_answer_is_named_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hush-hush@127.0.0.1:9")
    error = failure(home, "", **GIVEN)
    assert "127.0.0.1:9" in error.cause
    assert "HTTPS_PROXY" in error.remedy


@pytest.fixture
def web_page() -> Iterator[str]:
    """Return the address of a server that answers everything with a web page, as a hotel's network does."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            page = b"<!DOCTYPE html><html>Please log in</html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_web_page_is_no_answer_of_aws(home: Path, web_page: str) -> None:
    error = failure(home, "", **GIVEN, AWS_ENDPOINT_URL_ECR=web_page)
    assert "not AWS" in error.cause
    assert "AWS_ENDPOINT_URL" in error.remedy


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"),
        ("InvalidSignatureException", "Signature not yet current: 20260101T001000Z is still later than …"),
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    ],
)
def test_a_wrong_clock_is_no_wrong_key(code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught, translate_errors("push"):
        raise client_error(code, message)
    assert "clock" in caught.value.cause
    assert "NTP" in caught.value.remedy
