"""Which token a CI offers, and how it is checked; nothing of it is ever told."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.ci.oidc.tokens import claims, offered
from ecr_tasks.clients.ecr.web_identity import missing, session_name
from ecr_tasks.errors import AwsError

ROLE = "arn:aws:iam::123456789012:role/ci"


def jwt(**said: object) -> str:
    """A token that makes these claims, with a signature nobody made."""
    payload = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{payload}.the-signature"


TOKEN = jwt(sub="repo:o/r", aud="sts.amazonaws.com", iss="https://ci.example")


@pytest.mark.parametrize(
    ("name", "issuer"),
    [
        ("AWS_ID_TOKEN", "AWS_ID_TOKEN"),
        ("GITLAB_OIDC_TOKEN", "GitLab CI"),
        ("CIRCLE_OIDC_TOKEN_V2", "CircleCI"),
        ("BITBUCKET_STEP_OIDC_TOKEN", "Bitbucket Pipelines"),
    ],
)
def test_a_token_in_a_variable(name: str, issuer: str) -> None:
    source = offered({name: f"{TOKEN}\n"}, ROLE)
    assert source is not None
    assert source.issuer == issuer
    assert source.fetch() == TOKEN
    assert TOKEN not in repr(source)
    assert offered({name: ""}, ROLE) is None


def test_no_ci_offers_none() -> None:
    assert offered({}, ROLE) is None
    assert offered({"GITHUB_ACTIONS": "true"}, ROLE) is None
    assert offered({"TF_BUILD": "True", "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/x"}, ROLE) is None


@pytest.mark.parametrize("wrong", ["no-token", "a.b", "a.b.c.d", "a b.c.d", "a.b.\u00e9", "secret\nsecret.b.c"])
def test_what_is_no_token_is_refused_and_not_told(wrong: str) -> None:
    source = offered({"AWS_ID_TOKEN": wrong}, ROLE)
    assert source is not None
    with pytest.raises(AwsError, match="AWS_ID_TOKEN holds is no OpenID Connect token") as caught:
        source.fetch()
    assert wrong not in str(caught.value)


def test_a_token_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    source = offered({"AWS_WEB_IDENTITY_TOKEN_FILE": str(file)}, ROLE)
    assert source is not None
    with pytest.raises(AwsError, match="can't be read: No such file"):
        source.fetch()
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(AwsError, match="it is no text"):
        source.fetch()
    for token in (TOKEN, jwt(sub="later")):
        file.write_text(token, encoding="utf-8")
        assert source.fetch() == token


def test_a_token_file_for_another_role_is_the_sdks() -> None:
    """As in a pod of EKS: that role then assumes ours."""
    environ = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pod"}
    assert offered(environ, ROLE) is None
    assert offered({**environ, "AWS_ROLE_ARN": ROLE}, ROLE) is not None


def agent(folder: Path, script: str) -> dict[str, str]:
    """The environment of a Buildkite job with an agent that runs this."""
    program = folder / "buildkite-agent"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"BUILDKITE": "true", "PATH": f"{folder}:/usr/bin:/bin"}


def test_buildkites_agent_is_asked(tmp_path: Path) -> None:
    source = offered(agent(tmp_path, f'echo "$@" > {tmp_path}/arguments; echo {TOKEN}'), ROLE)
    assert source is not None
    assert source.fetch() == TOKEN
    asked = (tmp_path / "arguments").read_text(encoding="utf-8")
    assert asked == "oidc request-token --audience sts.amazonaws.com\n"


def test_buildkites_agent_may_refuse_or_be_missing(tmp_path: Path) -> None:
    source = offered(agent(tmp_path, f"echo {TOKEN}; exit 1"), ROLE)
    assert source is not None
    with pytest.raises(AwsError, match="gave no token"):
        source.fetch()
    assert offered({"BUILDKITE": "true", "PATH": str(tmp_path / "empty")}, ROLE) is None


@pytest.mark.parametrize("name", ["ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"])
def test_a_token_service_is_on_the_web(name: str) -> None:
    environ = {name: "file:///etc/passwd", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "b", "SYSTEM_ACCESSTOKEN": "b"}
    source = offered(environ, ROLE)
    assert source is not None
    with pytest.raises(AwsError, match="no web address"):
        source.fetch()


@pytest.mark.parametrize(
    ("environ", "remedy"),
    [
        ({"GITHUB_ACTIONS": "true"}, "permissions: id-token: write"),
        ({"GITLAB_CI": "true"}, "id_tokens: AWS_ID_TOKEN"),
        ({"CIRCLECI": "true"}, "forks"),
        ({"BITBUCKET_BUILD_NUMBER": "1"}, "oidc: true"),
        ({"BUILDKITE": "true"}, "buildkite-agent"),
        ({"TF_BUILD": "True"}, "SYSTEM_ACCESSTOKEN"),
    ],
)
def test_a_ci_without_a_token_is_told_how_to_get_one(environ: dict[str, str], remedy: str) -> None:
    error = missing(environ)
    assert error is not None
    assert remedy in error.remedy
    assert missing({}) is None


def test_claims() -> None:
    assert claims(TOKEN) == {"sub": "repo:o/r", "aud": "sts.amazonaws.com", "iss": "https://ci.example"}
    assert claims(jwt(aud=["a", "b"], sub="x\ny", jti="secret")) == {"aud": "a, b", "sub": "x?y"}
    for text in ("", "a", "a.!.c", "a.W10.c", "a.\u00e9.c"):
        assert claims(text) == {}


@given(st.text())
def test_whatever_a_token_is_its_claims_are_read_or_not(text: str) -> None:
    assert claims(text) == {}


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"GITHUB_REPOSITORY": "octo/app", "GITHUB_RUN_ID": "17"}, "ecr-tasks-octo-app-17"),
        ({"CI_PROJECT_PATH": "g/sub/app", "CI_PIPELINE_ID": "18"}, "ecr-tasks-g-sub-app-18"),
        ({"JOB_NAME": "folder/täst app", "BUILD_NUMBER": "3"}, "ecr-tasks-folder-t-st-app-3"),
        (
            {"GITHUB_REPOSITORY": "o/" + "long" * 30, "GITHUB_RUN_ID": "123456"},
            "ecr-tasks-o-" + "long" * 11 + "l-123456",
        ),
        ({"GITHUB_REPOSITORY": "octo/app"}, "ecr-tasks"),
        ({}, "ecr-tasks"),
    ],
)
def test_the_session_is_named_after_project_and_run(environ: dict[str, str], name: str) -> None:
    assert session_name(environ) == name


@given(st.text(max_size=80), st.text(max_size=40))
def test_sts_takes_every_session_name(project: str, run: str) -> None:
    name = session_name({"GITHUB_REPOSITORY": project, "GITHUB_RUN_ID": run})
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII)
